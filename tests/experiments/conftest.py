"""One finished ablation that several tests look at."""

from __future__ import annotations

import pytest
from ablation_study import protocol_of, study_of

from monai_ext.experiments import Ablation, AblationSettings
from monai_ext.studies import Studies


@pytest.fixture(scope="session")
def ablation_studies(tmp_path_factory: pytest.TempPathFactory) -> Studies:
    return study_of(tmp_path_factory.mktemp("ablation_blobs"))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, ablation_studies: Studies) -> Ablation:
    """Rows base and 1roi, 4 and all images, 2 seeds."""
    settings = AblationSettings(rows=("base", "1roi"), sizes="4,all", seeds=2, max_steps=4, device="cpu")
    ablation = Ablation(protocol_of(), ablation_studies, tmp_path_factory.mktemp("ablation"), settings)
    ablation.run()
    return ablation
