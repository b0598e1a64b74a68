"""The win-probability model: examples, training, calibration, the gate that decides whether it is fit to be shown.

`examples` says what it learns from, `training` how, `evaluation` how good it is on later weeks, `win_model` what it
answers, `simple_models` what it has to beat, `fallback` the rule-based score for when there is no usable model. Imports
LightGBM and scikit-learn only inside the functions that need them: they cost seconds.
"""
