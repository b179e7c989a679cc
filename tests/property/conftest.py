from __future__ import annotations

from hypothesis import settings

from tests.property.strategies import examples

# How long an example takes says more of the machine than of the code.
settings.register_profile("gitmodel", deadline=None, max_examples=examples(100))
settings.load_profile("gitmodel")
