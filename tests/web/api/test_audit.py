from __future__ import annotations

from tests.web.api.conftest import EAST, WEST, Api

V1 = "/api/v1/audit"


def test_the_log_is_listed_page_by_page_with_whom_its_pseudonyms_name(api: Api) -> None:
    reader = api.program("ann", "viewer")
    reader.get(f"/api/v1/studies/{WEST}")
    reader.get(f"/api/v1/studies/{EAST}")
    admin = api.program("root", "admin")

    first = admin.get(f"{V1}?who=ann&limit=1").json()
    second = admin.get(V1, params={"who": "ann", "limit": 1, "before": first["next"]}).json()
    of_one = admin.get(f"{V1}?study_uid={WEST}").json()["entries"]
    looked = admin.get(f"{V1}?action=AUDIT_VIEWED").json()["entries"]

    (newest,), (oldest,) = first["entries"], second["entries"]
    assert (newest["studies"], oldest["studies"]) == ([EAST], [WEST])
    assert newest["patients"] == [{"patient_id": f"P-{EAST}", "issuer": ""}]
    assert [(item["action"], item["who"]) for item in of_one] == [("STUDY_VIEWED", "ann")]
    assert len(looked) == 3


def test_only_who_may_see_the_log_sees_it(api: Api) -> None:
    assert api.program("ann", "coordinator").get(V1).status_code == 403
