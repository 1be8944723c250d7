"""Ho, Lu, Kuo 2026 (Diagnostics 16(3):423): EfficientNet-B4 on mid-sagittal pictures of L1-L4, T1 and T2 apart, DXA."""

from __future__ import annotations

from trabecula.domain.results.result import SeriesRole
from trabecula_training.cnn.image_recipe import ImageRecipe
from trabecula_training.cnn.networks import Network
from trabecula_training.cnn.training import TrainingPlan
from trabecula_training.cohort.labels import OSTEOPOROSIS
from trabecula_training.learning.recipe import InputSet

RECIPE = ImageRecipe(
    name="b4_2026",
    title="Networks on pictures of L1-L4 (Ho 2026)",
    source="Ho, Lu, Kuo 2026, Diagnostics 16(3):423, doi 10.3390/diagnostics16030423",
    inputs=(InputSet("T1", (SeriesRole.T1W,)), InputSet("T2", (SeriesRole.T2W,))),
    tasks=(OSTEOPOROSIS,),
    plans=(
        TrainingPlan(network=Network.EFFICIENTNET_B4, size=380),
        TrainingPlan(network=Network.EFFICIENTNET_V2, size=380),
        TrainingPlan(network=Network.RESNET_50, size=224),
        TrainingPlan(network=Network.SMALL, size=64, rate=1e-3),
    ),
    small=Network.SMALL,
    crops="midsagittal_v1",
    paper_crops="midsagittal_sharpened_v1",
    paper_words="Pictures, not patients, were split: the same patient, and the same picture turned, stands on both "
    "sides.",
    headline=("T1", "osteoporosis", Network.EFFICIENTNET_B4),
    assumptions=(
        "No weights are downloaded: every network starts from nothing, where the study started from ImageNet; a file "
        "of weights of one's own can be given.",
        "The study labels each vertebra by its own T-score: so does paper mode where cohort.csv has them (t_score_l1 "
        "to t_score_l4); else, and in sound mode, the patient's reference labels all of the patient's pictures. In "
        "sound mode the patient's score is the mean logit of at least two pictures.",
        "Pictures are cut by the outline of the segmenter, not by hand; a margin of a tenth holds the rim. The study "
        "sharpens them by a Laplacian filter: so does paper mode (crop definition midsagittal_sharpened_v1), and sound "
        "mode where it is asked for.",
        "The loss is not stated: binary cross entropy, positives weighted by their rarity.",
        "The study turns, mirrors and transposes pictures tenfold without listing how: the eight turns and mirror "
        "images of a square and two turns of 10 degrees. Sound mode draws one of the ten for each picture and epoch.",
        "ResNet-50 reads 224 pixels, the two EfficientNets 380 (the study states both sizes). The network 'small' is "
        "ours: five convolutions on 64 pixels at rate 1e-3, which a processor trains in seconds.",
        "The shares of training, validation and test images are not stated: 70, 10 and 20 % in paper mode.",
    ),
    faults=(
        "Images, not patients, were split into training and test set: pictures of one patient, and the same picture "
        "turned, stand on both sides. On noise that carries nothing but the patient's identity this gives an AUC well "
        "above 0.5.",
        "The printed AUCs (0.82, 0.83) equal (sensitivity + specificity) / 2, which is what hard labels give; how they "
        "were computed is not stated.",
        "What was augmented is not clear. The text says the training images alone, and does not say how the 7,380 "
        "images (1,520 positive) came about: ten times all 738 fits, which would be the test images, too; five times "
        "both sequences (1,476) or twenty times a half (369) fit as well. Paper mode takes the first reading.",
        "No calibration, decision curve, baseline or patient-level result is given.",
    ),
)
