"""English texts to be told in other languages: each phrase with its placeholders filled, and what the code composes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import trabecula
from trabecula.domain.language import Language
from trabecula.reporting.languages.files import files_of, patterns
from trabecula.reporting.languages.placeholders import Pattern

OTHERS = tuple(language for language in Language if language is not Language.ENGLISH)
SAMPLES = {
    "number": "12.5",
    "count": "3",
    "levels": "L1-L4",
    "name": "Qx7",
    "text": "slice thickness",
    "remarks": " (as scanned 141 HU)",
    "unit_behind": " HU",
    "unit": "mm",
    "role": "T1w",
    "attribute": "Series Description",
    "region": "trab_v1",
    "time": "TR",
}
_ROOMS = ("analysis", "series", "imaging", "segmentation", "scoring", "regions", "domain/results")
_KEYWORD = ("Reason", "reason")
_POSITIONAL = ("_refused", "_reason", "_several", "_remark", "_ambiguous", "_transitional", "unavailable")
_VALUES = ("7", "L1", "T1w", "Slice Thickness", "trab_v1", "TR", "moderate", "axial", "CT")

COMPOSED = {
    "analysis/gates/common.py": ["age; sex is O"],
    "analysis/gates/ct_intensity.py": ["soft tissue at"],
    "analysis/gates/ct_shift.py": [
        "fat and soft tissue lie at least 30 HU below where they belong, as with another Rescale Intercept"
    ],
    "analysis/gates/mr.py": ["cerebrospinal fluid is not darker than marrow, as T1w demands; marrow to fluid"],
    "analysis/gates/mr_values.py": ["the darkest places at 40, fluid at 100"],
    "analysis/gates/pixel_size.py": ["Pixel Spacing 0.7\\0.9 mm, which nothing confirms; heights are not graded"],
    "series/choice.py": ["1 image of the series left out"],
    "series/continuing.py": ["series 4, one step beyond these slices"],
    "imaging/patient/facts.py": ["Patient ID, Birth Date differ between series 3 and series 4"],
    "imaging/stacks/originals.py": ["lossy copies beside the originals", "a few originals beside derived images"],
    "imaging/stacks/rounded_places.py": ["to 0.5 mm; Slice Thickness 3 mm gives each of them"],
    "imaging/stacks/runs.py": ["steps of 3 to 5 mm between slices 3 mm apart"],
    "segmentation/foreign/dicom_seg.py": ["no segment of it names a vertebral level"],
    "segmentation/naming/levels.py": ["seen whole, 71 and 80 mm from the middle"],
    "scoring/training_range.py": ["the model allows 1 to 3", "trained on SOFT"],
    "domain/study/reception.py": ["2 images of this study were refused; the listener ward is silent"],
}
"""By file: details that one sample in every place does not make."""


def filled(pattern: Pattern, language: Language = Language.ENGLISH) -> str:
    """A phrase with samples; in other languages as they are told there."""
    if language is Language.ENGLISH:
        return pattern.english.format(**{name: SAMPLES[kind] for name, kind in pattern.kinds.items()})
    files = files_of(language)
    phrases, layout = files.phrases, files.layout
    told = SAMPLES | {
        "number": "12.5".replace(".", layout.decimal),
        "text": phrases["rank_thickness"],
        "remarks": layout.brackets.format(facts=phrases["as_scanned"].format(value="141")),
        "unit_behind": f" {phrases['hounsfield']}",
    }
    return phrases[pattern.key].format(**{name: told[kind] for name, kind in pattern.kinds.items()})


def every_pattern() -> tuple[Pattern, ...]:
    return patterns()


def composed_details() -> Iterator[tuple[str, list[str]]]:
    """Where a reason gets its detail in the code, and what that may look like: literals, and f-strings with each sample
    in the place of their values."""
    root = Path(trabecula.__file__).parent
    for room in _ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            tree = ast.parse(path.read_text())
            for node in ast.walk(tree):
                for text in _details(node):
                    yield f"{path.relative_to(root)}:{text.lineno}", _looks(text)


def _details(node: ast.AST) -> Iterator[ast.expr]:
    found: list[ast.expr] = []
    if isinstance(node, ast.Call) and _name(node.func) in (*_KEYWORD, *_POSITIONAL):
        found = [item.value for item in node.keywords if item.arg == "detail"]
        found += node.args if _name(node.func) in _POSITIONAL else []
    if isinstance(node, ast.Assign) and any(_name(target) == "detail" for target in node.targets):
        found = [node.value]
    for each in found:
        choices = [each.body, each.orelse] if isinstance(each, ast.IfExp) else [each]
        for choice in choices:
            plain = isinstance(choice, ast.Constant) and isinstance(choice.value, str)
            if plain or isinstance(choice, ast.JoinedStr):
                yield choice


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _looks(text: ast.expr) -> list[str]:
    if isinstance(text, ast.Constant):
        return [str(text.value)]
    assert isinstance(text, ast.JoinedStr)
    return ["".join(_part(part, value) for part in text.values) for value in _VALUES]


def _part(part: ast.expr, value: str) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else value
