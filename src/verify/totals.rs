//! What checking slots has found: added up by each thread, and in the end over all.

use super::order::BlockOrder;
use super::{CoveredSlot, Finding, Health, HealthCell, VerifyReport};
use crate::format::digest::Digest;

/// What one thread found, and in the end all.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) slots_damaged: u64,
    /// Deleted slots that can be reused.
    pub(super) free_count: u64,
    pub(super) live_count: u64,
    pub(super) deleted_count: u64,
    pub(super) records_invalid: u64,
    pub(super) digest: Digest,
    pub(super) bytes_read: u64,
    pub(super) findings: Vec<Finding>,
    pub(super) findings_left_out: u64,
    pub(super) slots_covered: u64,
    pub(super) covered: Vec<CoveredSlot>,
    pub(super) health: Health,
    /// Of the block that is being checked.
    pub(super) order: BlockOrder,
}

impl Totals {
    /// Keeps a finding if there is room. Each thread meets slots in ascending order, so the first
    /// ones of all threads contain the first ones of all.
    pub(super) fn note(&mut self, finding: Finding, finding_max: usize) {
        if self.findings.last_mut().is_some_and(|last| last.absorb(&finding)) {
            return;
        }
        if self.findings.len() < finding_max {
            self.findings.push(finding);
        } else {
            self.findings_left_out += 1;
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.slots_damaged += other.slots_damaged;
        self.free_count += other.free_count;
        self.live_count += other.live_count;
        self.deleted_count += other.deleted_count;
        self.records_invalid += other.records_invalid;
        self.digest.merge(other.digest);
        self.bytes_read += other.bytes_read;
        self.findings.extend(other.findings);
        self.findings_left_out += other.findings_left_out;
        self.slots_covered += other.slots_covered;
        self.covered.extend(other.covered);
        self.health.merge(&other.health);
    }

    /// What was found so far, as one cell.
    pub(super) fn cell(&self) -> HealthCell {
        HealthCell {
            slot_count: 0,
            damaged_count: self.slots_damaged,
            invalid_count: self.records_invalid,
            deleted_count: self.deleted_count,
            covered_count: self.slots_covered,
        }
    }

    pub(super) fn add_to(mut self, report: &mut VerifyReport, finding_max: usize) {
        self.findings.sort_by_key(|finding| finding.offset);
        // Neighbours that two threads have met.
        self.findings.dedup_by(|next, last| last.absorb(next));
        self.covered.sort_by_key(|covered| covered.index);
        self.covered.truncate(finding_max);
        let surplus = self.findings.len().saturating_sub(finding_max);
        self.findings.truncate(finding_max);
        report.findings.extend(self.findings);
        report.findings_left_out += self.findings_left_out + surplus as u64;
        report.live_count = self.live_count;
        report.deleted_count = self.deleted_count;
        report.slots_damaged = self.slots_damaged;
        report.records_invalid = self.records_invalid;
        report.digest_computed = self.digest.get();
        report.bytes_read = self.bytes_read;
        report.slots_covered = self.slots_covered;
        report.covered = self.covered;
        report.health = self.health;
    }
}
