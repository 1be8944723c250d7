"""Version 0001: the tables of the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table('installation',
    sa.Column('one', sa.BigInteger(), server_default=sa.text('1'), autoincrement=False, nullable=False),
    sa.Column('uid', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.CheckConstraint('one = 1', name=op.f('ck_installation_single_row')),
    sa.PrimaryKeyConstraint('one', name=op.f('pk_installation'))
    )
    op.create_table('quarantine',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('sop_instance_uid', sa.Text(), nullable=False),
    sa.Column('study_uid', sa.Text(), nullable=False),
    sa.Column('sop_class_uid', sa.Text(), nullable=False),
    sa.Column('spool_key', sa.Text(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('calling_ae_title', sa.Text(), nullable=False),
    sa.Column('association_id', sa.Text(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('sentence', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_quarantine'))
    )
    op.create_index(op.f('ix_quarantine_sop_instance_uid_sha256'), 'quarantine', ['sop_instance_uid', 'sha256'], unique=True)
    op.create_index(op.f('ix_quarantine_study_uid'), 'quarantine', ['study_uid'], unique=False)
    op.create_table('studies',
    sa.Column('study_uid', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), server_default=sa.text("'RECEIVING'"), nullable=False),
    sa.Column('category', sa.Text(), nullable=True),
    sa.Column('revision', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('calling_ae_title', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('first_image_at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('last_image_at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('count_checks', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('failed_stage', sa.Text(), nullable=True),
    sa.Column('failure_code', sa.Text(), nullable=True),
    sa.Column('failure_sentence', sa.Text(), nullable=True),
    sa.Column('failure_next_step', sa.Text(), nullable=True),
    sa.Column('patient_id', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('patient_name', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('birth_date', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('sex', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('accession_number', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('study_date', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('description', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('manufacturer', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('scanner_model', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('station', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.CheckConstraint("category IN ('LOW_BONE_DENSITY_SUSPECTED', 'INDETERMINATE', 'NO_FLAG', 'NOT_EVALUABLE')", name=op.f('ck_studies_category')),
    sa.CheckConstraint("state IN ('RECEIVING', 'ANALYSING', 'REPORTING', 'DELIVERING', 'DONE', 'FAILED', 'CANCELLED')", name=op.f('ck_studies_state')),
    sa.PrimaryKeyConstraint('study_uid', name=op.f('pk_studies'))
    )
    op.create_index(op.f('ix_studies_accession_number'), 'studies', ['accession_number'], unique=False)
    op.create_index(op.f('ix_studies_last_image_at'), 'studies', ['last_image_at'], unique=False)
    op.create_index(op.f('ix_studies_patient_id'), 'studies', ['patient_id'], unique=False)
    op.create_index(op.f('ix_studies_state'), 'studies', ['state'], unique=False)
    op.create_table('study_transitions',
    sa.Column('from_state', sa.Text(), nullable=False),
    sa.Column('to_state', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('from_state', 'to_state', name=op.f('pk_study_transitions'))
    )
    op.create_table('events',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('study_uid', sa.Text(), nullable=False),
    sa.Column('revision', sa.BigInteger(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('what', sa.Text(), nullable=False),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.Column('who', sa.Text(), nullable=False),
    sa.Column('facts', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.ForeignKeyConstraint(['study_uid'], ['studies.study_uid'], name=op.f('fk_events_study_uid'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_events'))
    )
    op.create_index(op.f('ix_events_study_uid_id'), 'events', ['study_uid', 'id'], unique=False)
    op.create_table('instances',
    sa.Column('sop_instance_uid', sa.Text(), nullable=False),
    sa.Column('study_uid', sa.Text(), nullable=False),
    sa.Column('series_uid', sa.Text(), nullable=False),
    sa.Column('sop_class_uid', sa.Text(), nullable=False),
    sa.Column('transfer_syntax_uid', sa.Text(), nullable=False),
    sa.Column('spool_key', sa.Text(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('calling_ae_title', sa.Text(), nullable=False),
    sa.Column('association_id', sa.Text(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['study_uid'], ['studies.study_uid'], name=op.f('fk_instances_study_uid'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('sop_instance_uid', name=op.f('pk_instances'))
    )
    op.create_index(op.f('ix_instances_series_uid'), 'instances', ['series_uid'], unique=False)
    op.create_index(op.f('ix_instances_study_uid'), 'instances', ['study_uid'], unique=False)
    op.create_table('levels',
    sa.Column('study_uid', sa.Text(), nullable=False),
    sa.Column('revision', sa.BigInteger(), nullable=False),
    sa.Column('level', sa.Text(), nullable=False),
    sa.Column('evaluable', sa.Boolean(), nullable=False),
    sa.Column('quality', sa.Double(), nullable=False),
    sa.ForeignKeyConstraint(['study_uid'], ['studies.study_uid'], name=op.f('fk_levels_study_uid'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('study_uid', 'revision', 'level', name=op.f('pk_levels'))
    )
    op.create_table('measurements',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('study_uid', sa.Text(), nullable=False),
    sa.Column('revision', sa.BigInteger(), nullable=False),
    sa.Column('level', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('concept', sa.Text(), nullable=False),
    sa.Column('meaning', sa.Text(), nullable=False),
    sa.Column('derivation', sa.Text(), nullable=False),
    sa.Column('value', sa.Double(), nullable=False),
    sa.Column('unit', sa.Text(), nullable=False),
    sa.Column('method', sa.Text(), nullable=False),
    sa.Column('series_uid', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['study_uid'], ['studies.study_uid'], name=op.f('fk_measurements_study_uid'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_measurements'))
    )
    op.create_index(op.f('ix_measurements_study_uid_revision_level'), 'measurements', ['study_uid', 'revision', 'level'], unique=False)
    op.create_table('object_deliveries',
    sa.Column('study_uid', sa.Text(), nullable=False),
    sa.Column('revision', sa.BigInteger(), nullable=False),
    sa.Column('destination', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('sop_class_uid', sa.Text(), nullable=False),
    sa.Column('sop_instance_uid', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), server_default=sa.text("'PENDING'"), nullable=False),
    sa.Column('status', sa.BigInteger(), nullable=True),
    sa.Column('error_code', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('comment', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('attempts', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('commitment', sa.Text(), server_default=sa.text("'NONE'"), nullable=False),
    sa.Column('transaction_uid', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.CheckConstraint("commitment IN ('NONE', 'REQUESTED', 'CONFIRMED', 'REFUSED', 'MISSING')", name=op.f('ck_object_deliveries_commitment')),
    sa.CheckConstraint("state IN ('PENDING', 'SENT', 'CONFIRMED', 'REFUSED', 'FAILED')", name=op.f('ck_object_deliveries_state')),
    sa.ForeignKeyConstraint(['study_uid'], ['studies.study_uid'], name=op.f('fk_object_deliveries_study_uid'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('study_uid', 'revision', 'destination', 'kind', name=op.f('pk_object_deliveries'))
    )
    op.create_index(op.f('ix_object_deliveries_state'), 'object_deliveries', ['state'], unique=False)
    op.create_index(op.f('ix_object_deliveries_transaction_uid'), 'object_deliveries', ['transaction_uid'], unique=False)
    op.create_table('objects',
    sa.Column('sop_instance_uid', sa.Text(), nullable=False),
    sa.Column('sop_class_uid', sa.Text(), nullable=False),
    sa.Column('study_uid', sa.Text(), nullable=False),
    sa.Column('revision', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('rank', sa.BigInteger(), nullable=False),
    sa.Column('series_uid', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['study_uid'], ['studies.study_uid'], name=op.f('fk_objects_study_uid'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('sop_instance_uid', 'sop_class_uid', name=op.f('pk_objects'))
    )
    op.create_index(op.f('ix_objects_study_uid_revision'), 'objects', ['study_uid', 'revision'], unique=False)
    op.create_table('reasons',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('study_uid', sa.Text(), nullable=False),
    sa.Column('revision', sa.BigInteger(), nullable=False),
    sa.Column('level', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('blocking', sa.Boolean(), nullable=False),
    sa.Column('sentence', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['study_uid'], ['studies.study_uid'], name=op.f('fk_reasons_study_uid'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reasons'))
    )
    op.create_index(op.f('ix_reasons_code'), 'reasons', ['code'], unique=False)
    op.create_index(op.f('ix_reasons_study_uid_revision'), 'reasons', ['study_uid', 'revision'], unique=False)
    op.create_table('reference_results',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('study_uid', sa.Text(), nullable=True),
    sa.Column('patient_id', sa.Text(), nullable=False),
    sa.Column('measured_on', sa.Text(), nullable=False),
    sa.Column('method', sa.Text(), nullable=False),
    sa.Column('site', sa.Text(), nullable=False),
    sa.Column('t_score', sa.Double(), nullable=True),
    sa.Column('value', sa.Double(), nullable=True),
    sa.Column('unit', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('recorded_by', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.ForeignKeyConstraint(['study_uid'], ['studies.study_uid'], name=op.f('fk_reference_results_study_uid'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reference_results'))
    )
    op.create_index(op.f('ix_reference_results_patient_id'), 'reference_results', ['patient_id'], unique=False)
    op.create_index(op.f('ix_reference_results_study_uid'), 'reference_results', ['study_uid'], unique=False)
    op.create_table('revisions',
    sa.Column('study_uid', sa.Text(), nullable=False),
    sa.Column('revision', sa.BigInteger(), nullable=False),
    sa.Column('instance_digest', sa.Text(), nullable=False),
    sa.Column('frozen_at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('analysed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reported_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('category', sa.Text(), nullable=True),
    sa.Column('result', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.CheckConstraint("category IN ('LOW_BONE_DENSITY_SUSPECTED', 'INDETERMINATE', 'NO_FLAG', 'NOT_EVALUABLE')", name=op.f('ck_revisions_category')),
    sa.ForeignKeyConstraint(['study_uid'], ['studies.study_uid'], name=op.f('fk_revisions_study_uid'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('study_uid', 'revision', name=op.f('pk_revisions'))
    )
    op.create_table('scores',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('study_uid', sa.Text(), nullable=False),
    sa.Column('revision', sa.BigInteger(), nullable=False),
    sa.Column('model_id', sa.Text(), nullable=False),
    sa.Column('model_version', sa.Text(), nullable=False),
    sa.Column('model_sha256', sa.Text(), nullable=False),
    sa.Column('endpoint', sa.Text(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('applicable', sa.Boolean(), nullable=False),
    sa.Column('demonstration', sa.Boolean(), nullable=False),
    sa.Column('probability', sa.Double(), nullable=True),
    sa.Column('threshold', sa.Double(), nullable=True),
    sa.Column('operating_point', sa.Text(), nullable=False),
    sa.Column('positive', sa.Boolean(), nullable=True),
    sa.ForeignKeyConstraint(['study_uid'], ['studies.study_uid'], name=op.f('fk_scores_study_uid'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_scores'))
    )
    op.create_index(op.f('ix_scores_model_id'), 'scores', ['model_id'], unique=False)
    op.create_index(op.f('ix_scores_study_uid_revision'), 'scores', ['study_uid', 'revision'], unique=False)
    op.create_table('series',
    sa.Column('series_uid', sa.Text(), nullable=False),
    sa.Column('study_uid', sa.Text(), nullable=False),
    sa.Column('modality', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('description', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['study_uid'], ['studies.study_uid'], name=op.f('fk_series_study_uid'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('series_uid', name=op.f('pk_series'))
    )
    op.create_index(op.f('ix_series_study_uid'), 'series', ['study_uid'], unique=False)
    op.create_table('stage_attempts',
    sa.Column('study_uid', sa.Text(), nullable=False),
    sa.Column('revision', sa.BigInteger(), nullable=False),
    sa.Column('stage', sa.Text(), nullable=False),
    sa.Column('destination', sa.Text(), nullable=False),
    sa.Column('attempts', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['study_uid'], ['studies.study_uid'], name=op.f('fk_stage_attempts_study_uid'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('study_uid', 'revision', 'stage', 'destination', name=op.f('pk_stage_attempts'))
    )
    op.create_table('revision_instances',
    sa.Column('study_uid', sa.Text(), nullable=False),
    sa.Column('revision', sa.BigInteger(), nullable=False),
    sa.Column('sop_instance_uid', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['sop_instance_uid'], ['instances.sop_instance_uid'], name=op.f('fk_revision_instances_sop_instance_uid'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('study_uid', 'revision', 'sop_instance_uid', name=op.f('pk_revision_instances'))
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_table('revision_instances')
    op.drop_table('stage_attempts')
    op.drop_index(op.f('ix_series_study_uid'), table_name='series')
    op.drop_table('series')
    op.drop_index(op.f('ix_scores_study_uid_revision'), table_name='scores')
    op.drop_index(op.f('ix_scores_model_id'), table_name='scores')
    op.drop_table('scores')
    op.drop_table('revisions')
    op.drop_index(op.f('ix_reference_results_study_uid'), table_name='reference_results')
    op.drop_index(op.f('ix_reference_results_patient_id'), table_name='reference_results')
    op.drop_table('reference_results')
    op.drop_index(op.f('ix_reasons_study_uid_revision'), table_name='reasons')
    op.drop_index(op.f('ix_reasons_code'), table_name='reasons')
    op.drop_table('reasons')
    op.drop_index(op.f('ix_objects_study_uid_revision'), table_name='objects')
    op.drop_table('objects')
    op.drop_index(op.f('ix_object_deliveries_transaction_uid'), table_name='object_deliveries')
    op.drop_index(op.f('ix_object_deliveries_state'), table_name='object_deliveries')
    op.drop_table('object_deliveries')
    op.drop_index(op.f('ix_measurements_study_uid_revision_level'), table_name='measurements')
    op.drop_table('measurements')
    op.drop_table('levels')
    op.drop_index(op.f('ix_instances_study_uid'), table_name='instances')
    op.drop_index(op.f('ix_instances_series_uid'), table_name='instances')
    op.drop_table('instances')
    op.drop_index(op.f('ix_events_study_uid_id'), table_name='events')
    op.drop_table('events')
    op.drop_table('study_transitions')
    op.drop_index(op.f('ix_studies_state'), table_name='studies')
    op.drop_index(op.f('ix_studies_patient_id'), table_name='studies')
    op.drop_index(op.f('ix_studies_last_image_at'), table_name='studies')
    op.drop_index(op.f('ix_studies_accession_number'), table_name='studies')
    op.drop_table('studies')
    op.drop_index(op.f('ix_quarantine_study_uid'), table_name='quarantine')
    op.drop_index(op.f('ix_quarantine_sop_instance_uid_sha256'), table_name='quarantine')
    op.drop_table('quarantine')
    op.drop_table('installation')
