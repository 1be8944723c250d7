"""Reading single attributes of a source image: decoded, each value repaired or left out, items by their shape."""

from __future__ import annotations

from collections.abc import Sequence as Values
from typing import TypeAlias

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.errors import BytesLengthException
from pydicom.multival import MultiValue

from trabecula.reporting.sources.items import ITEM_SHAPES, ItemShape
from trabecula.reporting.sources.text import UNDECLARED, CharacterSet, character_set, decoded
from trabecula.reporting.sources.values import MULTI_LINE, VERBATIM, holds_several, in_parts, is_valid, repaired

SourceValue: TypeAlias = str | list[str] | list[Dataset]

_UNPARSABLE = (BytesLengthException, ValueError, TypeError, KeyError, AttributeError, NotImplementedError, LookupError)
"""What pydicom raises on damaged values."""

_TEXT_VRS = ("PN", "LO", "SH", "ST", "LT", "UT", "UC")
"""VRs to which Specific Character Set applies (PS3.5 6.1.2.2)."""

_ASSUMED = {"TypeOfPatientID": "TEXT"}
"""What an identifier is that does not say of what kind it is (PS3.3 C.7.1.1)."""


class SourceReader:
    """Reads a data set; ``repaired``, ``left_out`` and ``kept`` list the keywords that are not as they came."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.repaired: list[str] = []
        self.left_out: list[str] = []
        self.kept: list[str] = []
        self._characters = self._declared(dataset, UNDECLARED)

    def value(self, keyword: str) -> SourceValue:
        """Return a valid value (several as a list, items as data sets); empty where there is none."""
        if keyword in ITEM_SHAPES:
            return self._items(keyword)
        values, certain = _texts(self._dataset, keyword, self._characters)
        if not any(values):
            return ""
        if keyword in VERBATIM:
            whole = repaired(keyword, "\\".join(values))
            if not certain:
                self.repaired.append(keyword)
            elif not is_valid(keyword, whole) or len(values) > 1:
                self.kept.append(keyword)
            return whole
        parts = [part for value in values for part in in_parts(keyword, value)]
        found = [item for item in (repaired(keyword, part) for part in parts) if item]
        if not found:
            self.left_out.append(keyword)
            return ""
        if not holds_several(keyword):
            self._note(keyword, certain and len(values) == 1 and is_valid(keyword, values[0]))
            return found[0]
        self._note(keyword, certain and all(is_valid(keyword, value) for value in values))
        return found

    def _note(self, keyword: str, as_it_came: bool) -> None:
        if not as_it_came:
            self.repaired.append(keyword)

    def _items(self, keyword: str) -> list[Dataset]:
        try:
            items = list(self._dataset[keyword].value or ())
        except _UNPARSABLE:
            items = []
        shape, found = ITEM_SHAPES[keyword], []
        for item in items:
            if isinstance(item, Dataset):
                made = self._item(keyword, item, shape)
                if made is not None:
                    found.append(made)
        if shape.single:
            found = found[:1]
        if len(found) < len(items):
            self.left_out.append(keyword)
        return found

    def _item(self, sequence: str, item: Dataset, shape: ItemShape) -> Dataset | None:
        """Return the valid attributes of an item, or None where it lacks what it must have."""
        reader = SourceReader(item)
        if "SpecificCharacterSet" not in item:
            reader._characters = self._characters
        made = Dataset()
        for keyword in shape.keywords:
            value = reader.value(keyword) or _ASSUMED.get(keyword, "")
            if keyword in VERBATIM and isinstance(value, str) and not is_valid(keyword, value):
                value = ""
            if value:
                made.add(DataElement(keyword, dictionary_VR(keyword), value))
        if not all(keyword in made for keyword in shape.together):
            for keyword in shape.together:
                made.pop(keyword, None)
        self._note(sequence, not (reader.repaired or reader.left_out or reader.kept))
        whole = all(keyword in made for keyword in shape.required)
        enough = not shape.one_of or any(keyword in made for keyword in (*shape.one_of, *shape.together))
        return made if whole and enough and len(made) else None

    @staticmethod
    def _declared(dataset: Dataset, otherwise: CharacterSet) -> CharacterSet:
        values, _ = _texts(dataset, "SpecificCharacterSet", otherwise)
        return character_set(values)


def _texts(dataset: Dataset, keyword: str, characters: CharacterSet) -> tuple[Values[str], bool]:
    """Return the values as text, by the attribute's own VR whatever the file says, and whether they decode as told."""
    try:
        element = dataset.get_item(keyword)
    except _UNPARSABLE:
        return (), True
    if element is None or element.value is None:
        return (), True
    vr = dictionary_VR(keyword)
    value = element.value
    if isinstance(element, RawDataElement) and isinstance(value, bytes):
        text, certain = decoded(value, characters) if vr in _TEXT_VRS else (value.decode("latin_1"), True)
        return ([text] if vr in MULTI_LINE else text.split("\\")), certain
    if isinstance(value, MultiValue | list | tuple):
        return [str(part) for part in value], True
    return [str(value)], True
