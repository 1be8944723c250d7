"""The scorer of CNN bundles: crops of the trusted levels of one series, held against the training range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.errors import BundleInvalid
from trabecula.domain.models.bundle import IMAGE_INPUT, BundleKind, ImageInput
from trabecula.domain.models.scoring import ScoringContext
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Score
from trabecula.scoring.answers import abstentions, answers, unfit_acquisition
from trabecula.scoring.bundles import Bundle
from trabecula.scoring.crops.definition import CropDefinition, crop_definition_of
from trabecula.scoring.crops.statistics import STATISTICS, study_statistics
from trabecula.scoring.crops.vertebra import Crop, resized, study_crops
from trabecula.scoring.model_graph import ModelGraph
from trabecula.scoring.training_range import feature_reasons


class CnnScorer:
    """Implements Scorer for a CNN bundle. Raises BundleInvalid for a bundle this program cannot run."""

    def __init__(self, bundle: Bundle, active: bool) -> None:
        self._bundle = bundle
        self._active = active
        self._image, self._definition = _images_of(bundle)
        shape = (self._image.min_levels, self._image.channels, self._image.size, self._image.size)
        probes = [np.full(shape, grey, np.float32) for grey in (0.0, 0.5)]
        known = [made_pictures(vector.values, shape) for vector in bundle.manifest.check_vectors]
        self._graph = ModelGraph(bundle, IMAGE_INPUT, probes, known)

    def score(self, context: ScoringContext) -> tuple[Score, ...]:
        """Return one score for each endpoint; none where the study has no series of the model's kind."""
        manifest = self._bundle.manifest
        (role,) = manifest.roles
        if role not in context.series:
            return ()
        reasons = unfit_acquisition(self._bundle, context)
        if reasons:
            return abstentions(self._bundle, self._active, reasons)
        crops = list(study_crops(context, role, self._definition).values())
        if len(crops) < self._image.min_levels:
            few = Reason(
                code=ReasonCode.TOO_FEW_LEVELS, detail=f"with a picture of the body, of {self._image.min_levels}"
            )
            return abstentions(self._bundle, self._active, (few,))
        assert manifest.training_range is not None
        reasons = tuple(feature_reasons(study_statistics(crops), manifest.training_range))
        if reasons:
            return abstentions(self._bundle, self._active, reasons)
        return answers(self._bundle, self._active, self._graph, image_input(crops, self._image))


def made_pictures(values: Sequence[float], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return pictures [crops, channels, size, size] in 0-1 of a check vector: waves of a grey, contrast and period
    (pixels) that move on from crop to crop."""
    grey, contrast, period = values
    crops, _, rows, columns = shape
    crop, row, column = np.ogrid[:crops, :rows, :columns]
    waves = grey + contrast * np.sin(2 * np.pi * (row + 2 * column + 3 * crop) / period)
    return np.ascontiguousarray(np.broadcast_to(np.clip(waves, 0, 1)[:, None], shape), dtype=np.float32)


def image_input(crops: list[Crop], image: ImageInput) -> NDArray[np.float32]:
    """Return the crops of one patient as the graph takes them: float32 [crops, channels, size, size] in 0-1."""
    squares = np.stack([resized(crop, image.size) for crop in crops])[:, None]
    return np.ascontiguousarray(np.repeat(squares, image.channels, axis=1))


def _images_of(bundle: Bundle) -> tuple[ImageInput, CropDefinition]:
    manifest = bundle.manifest
    if manifest.kind is not BundleKind.CNN or manifest.image is None:
        raise BundleInvalid(f"{manifest.model_id} is no model of images")
    definition = crop_definition_of(manifest.feature_settings_sha256)
    if definition is None or definition.name != manifest.regions:
        raise BundleInvalid(f"{manifest.model_id} needs a crop definition that this version does not have")
    if manifest.image.statistics != STATISTICS:
        raise BundleInvalid(f"{manifest.model_id} holds its crops against other statistics than this version makes")
    return manifest.image, definition
