"""Sequences that results inherit: which attributes of an item are taken over, and what an item cannot be without.

An item that lacks what its macro demands (PS3.3 8.8, 10.2, 10.6, 10.14 and 10.18) is left out as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ItemShape:
    """What is taken of an item: ``required`` all of it, of ``one_of`` at least one, ``optional`` where it is valid.

    ``together`` are attributes that mean nothing without each other. ``single`` sequences have one item.
    """

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    single: bool = False

    @property
    def keywords(self) -> tuple[str, ...]:
        """Everything that is taken of an item."""
        return (*self.required, *self.one_of, *self.together, *self.optional)


_CODE = ItemShape(required=("CodeValue", "CodingSchemeDesignator", "CodeMeaning"), optional=("CodingSchemeVersion",))
_ONE_CODE = ItemShape(required=_CODE.required, optional=_CODE.optional, single=True)
_UNIVERSAL = ("UniversalEntityID", "UniversalEntityIDType")
_HIERARCHIC = ItemShape(one_of=("LocalNamespaceEntityID",), together=_UNIVERSAL, single=True)

ITEM_SHAPES: dict[str, ItemShape] = {
    "ProcedureCodeSequence": _CODE,
    "RequestedProcedureCodeSequence": _ONE_CODE,
    "DeidentificationMethodCodeSequence": _CODE,
    "PersonIdentificationCodeSequence": _CODE,
    "InstitutionCodeSequence": _ONE_CODE,
    "AssigningJurisdictionCodeSequence": _ONE_CODE,
    "AssigningAgencyOrDepartmentCodeSequence": _ONE_CODE,
    "ReferencedStudySequence": ItemShape(required=("ReferencedSOPClassUID", "ReferencedSOPInstanceUID")),
    "IssuerOfAccessionNumberSequence": _HIERARCHIC,
    "AssigningFacilitySequence": _HIERARCHIC,
    "IssuerOfPatientIDQualifiersSequence": ItemShape(
        optional=(
            "IdentifierTypeCode",
            "AssigningFacilitySequence",
            "AssigningJurisdictionCodeSequence",
            "AssigningAgencyOrDepartmentCodeSequence",
        ),
        together=_UNIVERSAL,
        single=True,
    ),
    "OtherPatientIDsSequence": ItemShape(
        required=("PatientID", "TypeOfPatientID"), optional=("IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence")
    ),
    "ReferringPhysicianIdentificationSequence": ItemShape(
        required=("PersonIdentificationCodeSequence",),
        one_of=("InstitutionName", "InstitutionCodeSequence"),
        single=True,
    ),
    "RequestAttributesSequence": ItemShape(
        optional=(
            "AccessionNumber",
            "RequestedProcedureID",
            "RequestedProcedureDescription",
            "RequestedProcedureCodeSequence",
        )
    ),
}
"""By sequence; RequestAttributesSequence is what the report's Referenced Request Sequence is made of."""
