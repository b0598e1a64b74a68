"""The asset graph by steps: which step makes an asset, and from which steps it takes something."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import dagster as dg


@dataclass(frozen=True)
class Lineage:
    """The lineage of a code location; a step is the name of the op that materializes assets, or checks them."""

    repository: dg.RepositoryDefinition

    @cached_property
    def keys_of(self) -> Mapping[str, tuple[dg.AssetKey, ...]]:
        """The assets of each step that materializes some, those upstream first."""
        graph = self.repository.asset_graph
        made = [key for key in graph.toposorted_asset_keys if graph.get(key).is_executable]
        steps = dict.fromkeys(self._op(key) for key in made)
        return {step: tuple(key for key in made if self._op(key) == step) for step in steps}

    @cached_property
    def upstream(self) -> Mapping[str, frozenset[str]]:
        """All steps from which each step takes something, directly or through others."""
        graph = self.repository.asset_graph
        return {
            step: frozenset(
                self._op(above)
                for key in keys
                for above in graph.get_ancestor_asset_keys(key)
                if graph.get(above).is_executable
            )
            - {step}
            for step, keys in self.keys_of.items()
        }

    @cached_property
    def _checked_by(self) -> Mapping[str, str]:
        """The step whose assets a step of checks looks at; of what lies outside, the step that reads it."""
        graph = self.repository.asset_graph
        return {
            definition.op.name: self._op(made)
            for definition in graph.assets_defs
            if definition.is_executable and not definition.keys
            for key in definition.check_keys
            for made in self._made_of(key.asset_key)
        }

    def step(self, step_key: str) -> str:
        """The step of a run's step key: that of the assets, also where it checks them."""
        name = step_key.partition(".")[0].partition("[")[0]
        return self._checked_by.get(name, name)

    def first(self, keys: Iterable[dg.AssetKey]) -> str | None:
        """The step furthest upstream of those that make some of these assets."""
        wanted = set(keys)
        return next((step for step, made in self.keys_of.items() if wanted & set(made)), None)

    def assets_of(self, run: dg.DagsterRun) -> frozenset[dg.AssetKey]:
        """The assets that a run makes, or was to make."""
        if run.asset_selection:
            return frozenset(run.asset_selection)
        if not self.repository.has_job(run.job_name):
            return frozenset()
        return frozenset(self.repository.get_job(run.job_name).asset_layer.selected_asset_keys)

    def _made_of(self, key: dg.AssetKey) -> Iterable[dg.AssetKey]:
        """An asset that a step makes; of one that lies outside of Dagster, those that are made of it."""
        node = self.repository.asset_graph.get(key)
        return (key,) if node.is_executable else node.child_keys

    def _op(self, key: dg.AssetKey) -> str:
        return self.repository.asset_graph.get(key).assets_def.op.name
