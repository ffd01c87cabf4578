"""The tables of campaigns, for use cases: the stored data of notices to many people."""

from __future__ import annotations

from runner.store.campaigns.rows import Attempt as Attempt
from runner.store.campaigns.rows import Chunk as Chunk
from runner.store.campaigns.rows import Intake as Intake
from runner.store.campaigns.rows import Known as Known
from runner.store.campaigns.rows import chunk_digest as chunk_digest
from runner.store.campaigns.tables import BulkTables as BulkTables
