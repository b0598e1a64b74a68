"""Domain tests share two cores with other workers: threads that wait must not spin, or a training takes twenty times longer."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read when LightGBM is loaded
