"""The label maps of a revision on disk, beside its result and objects; what a child writes and reads."""

from __future__ import annotations

import io

import numpy as np

from trabecula.domain.results.analysis import AnalysedVolume, Analysis
from trabecula.domain.results.stored_labels import StoredLabels
from trabecula.domain.uids import InstanceUid, SeriesUid, StudyUid
from trabecula.ledger.artifacts import ArtifactStore, read_artifact, remove_labels, write_artifact, write_result


class AnalysisStore(ArtifactStore):
    """All artifacts of a revision, label maps too. Raises SpoolUnavailable when the disk does not take them."""

    def save_analysis(self, analysis: Analysis) -> None:
        """Keep the result and the label maps; the result comes last: where it is, everything is."""
        result = analysis.result
        folder = self.folder(result.study_uid, result.revision)
        for number, item in enumerate(analysis.volumes):
            write_artifact(folder / f"labels-{number}.npz", _packed(item))
        remove_labels(folder, kept=len(analysis.volumes))
        write_result(folder, result)

    def load_labels(self, study_uid: StudyUid, revision: int) -> tuple[StoredLabels, ...]:
        """Return the kept label maps, the primary first; none where nothing was segmented."""
        folder = self.folder(study_uid, revision)
        count = len(list(folder.glob("labels-*.npz")))
        return tuple(_unpacked(read_artifact(folder / f"labels-{number}.npz")) for number in range(count))


def _packed(item: AnalysedVolume) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        labels=np.ascontiguousarray(item.labels, dtype=np.uint8),
        sop_instance_uids=np.array(item.volume.source_uids, dtype=np.str_),
        frames=np.array([number or 0 for number in item.volume.source_frames], dtype=np.int64),
        file_uids=np.array([file.sop_instance_uid for file in item.files], dtype=np.str_),
        series_uid=np.array(item.files[0].series_uid if item.files else "", dtype=np.str_),
    )
    return buffer.getvalue()


def _unpacked(content: bytes) -> StoredLabels:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return StoredLabels(
            labels=arrays["labels"],
            sop_instance_uids=tuple(InstanceUid(str(uid)) for uid in arrays["sop_instance_uids"]),
            file_uids=tuple(InstanceUid(str(uid)) for uid in arrays["file_uids"]),
            series_uid=SeriesUid(str(arrays["series_uid"])),
            frames=tuple(int(number) or None for number in arrays.get("frames", ())),
        )
