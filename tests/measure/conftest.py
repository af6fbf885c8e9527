"""The rendered scenes, made once."""

import pytest

from tests.engine import synth

from .pairs import Lit, lit


@pytest.fixture(scope="session")
def scenes() -> list[Lit]:
    makers = {"sphere": synth.sphere, "blobby": synth.blobby, "vase": synth.vase}
    return [lit(name, maker()) for name, maker in makers.items()]
