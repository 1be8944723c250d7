"""Training: learns what is there, stops early, keeps the best weights, and is the same every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.trabecula_training.cnn.builders import made_pictures
from trabecula.domain.spine import Level
from trabecula_training.cnn.crop_bank import squares
from trabecula_training.cnn.estimator import CnnEstimator, as_they_are
from trabecula_training.cnn.networks import Network
from trabecula_training.cnn.paper import by_image
from trabecula_training.cnn.training import Pictures, TrainingPlan, logits, train
from trabecula_training.cohort.table import Cohort
from trabecula_training.learning.recipe import StudyPart
from trabecula_training.statistics.roc import auc

PLAN = TrainingPlan(network=Network.SMALL, size=24, rate=2e-3, epochs=8)


def pictures(count: int, seed: int, gap: float = 0.15) -> Pictures:
    """Squares of noise whose middle is brighter in every second one."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = generator.normal(0.45, 0.1, (count, 24, 24))
    images[:, 8:16, 8:16] += gap * labels[:, None, None]
    return Pictures.of(images.astype(np.float32), labels.astype(np.int64))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_a_network_learns_what_the_pictures_show_and_nothing_from_noise() -> None:
    unseen = pictures(100, 9)
    truth = unseen.labels.numpy().astype(np.int64)

    able = train(PLAN, pictures(96, 1), pictures(32, 2), seed=5)
    blind = train(PLAN, pictures(96, 1, gap=0.0), pictures(32, 2, gap=0.0), seed=5)

    assert auc(truth, logits(able, unseen.images)) > 0.95
    assert 0.3 < auc(truth, logits(blind, pictures(100, 9, gap=0.0).images)) < 0.7


def test_the_same_seed_gives_the_same_weights_and_leaves_the_random_state_alone() -> None:
    torch.manual_seed(11)
    before = torch.random.get_rng_state()
    short = replace(PLAN, epochs=2)

    one, same, other = (train(short, pictures(32, 1), pictures(16, 2), seed=seed) for seed in (5, 5, 6))

    assert torch.equal(torch.random.get_rng_state(), before)
    states = [torch.cat([value.ravel().float() for value in net.state_dict().values()]) for net in (one, same, other)]
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_training_stops_when_it_gains_no_more_and_keeps_the_best_weights() -> None:
    heard: list[float] = []
    held = pictures(24, 2, gap=0.0)
    patient = replace(PLAN, epochs=60, stop_after=3, patience=1)

    network = train(patient, pictures(32, 1, gap=0.0), held, 5, lambda epoch, loss: heard.append(loss))

    assert len(heard) < 60
    assert len(heard) == int(np.argmin(heard)) + 1 + 3
    weight = 1.0
    answers = torch.from_numpy(logits(network, held.images))
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        answers, held.labels, pos_weight=torch.tensor(weight)
    ).item()
    assert loss == pytest.approx(min(heard), abs=1e-6)


def test_a_patients_score_is_the_mean_logit_of_its_crops() -> None:
    cohort, bank = made_pictures(24)
    rows = np.array([number for number, group in enumerate(bank.groups) if group.role == "T1w"], dtype=np.float64)
    labels = np.array([patient.category == "osteoporosis" for patient in cohort.patients], dtype=np.int64)
    estimator = CnnEstimator(replace(PLAN, epochs=2), bank, seed=1).fit(rows[:, None], labels)

    scores = estimator.decision_function(rows[::-1, None])

    images, owners = squares(bank, PLAN.size)
    assert estimator.network is not None
    for row, score in zip(rows[::-1], scores, strict=True):
        own = torch.from_numpy(images[owners == int(row)])[:, None]
        assert score == pytest.approx(float(logits(estimator.network, own).mean()), abs=1e-5)
    columns = as_they_are(rows[:, None], labels, 1)
    np.testing.assert_array_equal(columns.apply(rows[:, None]), rows[:, None])


def test_the_studys_order_gives_an_auc_of_hard_labels_by_image() -> None:
    cohort, bank = made_pictures(30)
    rows = np.arange(0, 60, 2, dtype=np.float64)[:, None]
    labels = np.array([patient.category == "osteoporosis" for patient in cohort.patients], dtype=np.int64)

    outcome = by_image(bank, replace(PLAN, epochs=4), rows, labels, seed=1)

    part = outcome.parts[StudyPart.INTERNAL]
    sensitivity = part.scores[part.labels == 1].mean()
    specificity = 1 - part.scores[part.labels == 0].mean()
    assert set(np.unique(part.scores)) <= {0.0, 1.0}
    assert len(part.labels) == 30 * 4 * 10 // 5
    assert len(np.unique(part.people)) <= 30
    assert part.auc.low <= outcome.auc <= part.auc.high
    assert part.auc.method == "cluster bootstrap"
    assert outcome.auc == pytest.approx((sensitivity + specificity) / 2)


def test_a_picture_has_the_label_of_its_own_vertebra_where_that_is_known() -> None:
    cohort, bank = made_pictures(30)
    people = tuple(replace(patient, level_t_scores=((Level.L1, -3.0), (Level.L4, -1.0))) for patient in cohort.patients)
    rows = np.arange(0, 60, 2, dtype=np.float64)[:, None]
    nobody = np.zeros(30, dtype=np.int64)
    labelled = bank.labelled(Cohort(people))

    outcome = by_image(labelled, replace(PLAN, epochs=1), rows, nobody, seed=1)

    assert labelled.groups[0].osteoporosis == (True, None, None, False)
    assert labelled.sha256() == bank.sha256()
    share = outcome.parts[StudyPart.INTERNAL].labels.mean()
    assert 0.15 < share < 0.35
