"""Version 0017: the audit log; entries and seals that ordinary statements cannot change, pseudonyms, wires."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0015"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")
_EMPTY = sa.text("''")
_ZERO = sa.text("0")
_TIME = sa.DateTime(timezone=True)
_TEXTS = postgresql.ARRAY(sa.Text())
_NONE = sa.text("'{}'::text[]")

_TRIGGERS = """
CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'raise_exception';
END $$;
CREATE FUNCTION audit_waits_for_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unsealed (entry_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER audit_entry_waits AFTER INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION audit_waits_for_seal();
CREATE TRIGGER audit_entries_stay BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION audit_stays();
CREATE TRIGGER audit_entries_not_emptied BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit_stays();
CREATE TRIGGER audit_seals_stay BEFORE UPDATE OR DELETE ON audit_seals
    FOR EACH ROW EXECUTE FUNCTION audit_stays();
CREATE TRIGGER audit_seals_not_emptied BEFORE TRUNCATE ON audit_seals
    FOR EACH STATEMENT EXECUTE FUNCTION audit_stays();
"""


def upgrade() -> None:
    """Add the tables and their triggers; what was done before is in the studies' own trails alone."""
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("at", _TIME, server_default=_NOW, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("action", "outcome", "who", "who_kind")),
        sa.Column("address", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.Column("studies", _TEXTS, server_default=_NONE, nullable=False),
        sa.Column("patients", _TEXTS, server_default=_NONE, nullable=False),
        sa.Column("subject", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.Column("detail", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index(op.f("ix_audit_entries_at"), "audit_entries", ["at"])
    op.create_index(op.f("ix_audit_entries_who_id"), "audit_entries", ["who", "id"])
    op.create_index("ix_audit_entries_studies_patients", "audit_entries", ["studies", "patients"], postgresql_using="gin")
    op.create_table(
        "audit_unsealed",
        sa.Column("entry_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_audit_unsealed")),
    )
    op.create_table(
        "audit_seals",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("seal", sa.Text(), nullable=False),
        sa.Column("sealed_at", _TIME, server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["audit_entries.id"], name=op.f("fk_audit_seals_entry_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_seals")),
    )
    op.create_index(op.f("ix_audit_seals_entry_id"), "audit_seals", ["entry_id"], unique=True)
    _pseudonyms()
    op.create_table(
        "audit_wires",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sent_number", sa.BigInteger(), server_default=_ZERO, nullable=False),
        sa.Column("sent_at", _TIME, nullable=True),
        sa.Column("attempts", sa.BigInteger(), server_default=_ZERO, nullable=False),
        sa.Column("next_try_at", _TIME, server_default=_NOW, nullable=False),
        sa.Column("error", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_audit_wires")),
    )
    op.execute(_TRIGGERS)


def _pseudonyms() -> None:
    op.create_table(
        "audit_pseudonyms",
        sa.Column("pseudonym", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("study_uid", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.Column("patient_id", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.Column("issuer", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.Column("made_at", _TIME, server_default=_NOW, nullable=False),
        sa.CheckConstraint(
            "(study_uid = '') <> (patient_id = '')", name=op.f("ck_audit_pseudonyms_study_or_person")
        ),
        sa.PrimaryKeyConstraint("pseudonym", name=op.f("pk_audit_pseudonyms")),
    )
    op.create_index(
        op.f("ix_audit_pseudonyms_study_uid"),
        "audit_pseudonyms",
        ["study_uid"],
        postgresql_where=sa.text("study_uid <> ''"),
    )
    op.create_index(
        op.f("ix_audit_pseudonyms_patient_id_issuer"),
        "audit_pseudonyms",
        ["patient_id", "issuer"],
        postgresql_where=sa.text("patient_id <> ''"),
    )


def downgrade() -> None:
    """Not offered: an audit log is not deleted by going back."""
    raise RuntimeError("this version of the schema cannot be undone; restore a backup")
