//! The mutants: what each does wrong, where, and which tests notice.

/// A fault that the source does not have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mutant {
    /// What it does wrong.
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    /// A text that the file has once.
    pub(crate) original: &'static str,
    /// What stands there instead.
    pub(crate) replacement: &'static str,
    pub(crate) noticed_by: Tests,
    /// At the latest after so many images; 0 if the tests count none.
    pub(crate) images_max: usize,
}

/// Tests with something in their names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tests {
    /// The library's own.
    Library(&'static str),
    /// Those in `tests/suite`.
    Suite(&'static str),
}

/// Kills and power cuts on a simulated disk.
const CRASHES: Tests = Tests::Library("whatever_a_crash_leaves_all_promises_are_kept");
/// The same in short histories with checkpoints.
const CHECKPOINTS: Tests =
    Tests::Library("whatever_a_crash_around_a_checkpoint_leaves_all_promises_are_kept");
/// The same after an operation that failed, in a history that is short and explored well.
const FAULTS: Tests =
    Tests::Library("whichever_operation_around_a_checkpoint_fails_all_promises_are_kept");
/// The same where slots are written back while commits go on.
const WRITTEN_BACK: Tests =
    Tests::Library("whichever_operation_fails_while_slots_are_written_back_all_promises_are_kept");
/// The same for a store that appears with all its records.
const BUILT: Tests = Tests::Library("a_store_that_is_built_is_complete_or_not_there");
/// The same for what a reader has shown.
const READERS: Tests = Tests::Library("what_a_reader_showed_after_a_kill_survives_a_power_cut");
/// A process that knows that a sync failed.
const SUSPECTS: Tests =
    Tests::Library("after_a_failed_sync_a_store_is_read_only_once_it_was_recovered");
/// Journals with damage that no crash leaves.
const JOURNALS: Tests = Tests::Suite("journals::");

/// One or two flipped bits in slots that are read together.
const BLOCKS: Tests = Tests::Library("of_a_damaged_block_only_what_is_damaged_is_missing");

const CHECKPOINT: &str = "src/raw_store/checkpoint.rs";
const COMMIT: &str = "src/raw_store/commit.rs";
const COPIED: &str = "src/raw_store/copied.rs";
const FILE: &str = "src/io/file.rs";
const NEW_FILE: &str = "src/io/file/new_file.rs";
const FROZEN: &str = "src/raw_store/frozen.rs";
const JOURNAL: &str = "src/journal.rs";
const OPEN: &str = "src/raw_store/open.rs";
const RECOVER: &str = "src/raw_store/recover.rs";
const SETTLE: &str = "src/raw_reader/settle.rs";
const SCAN: &str = "src/journal/scan.rs";
const SPACE: &str = "src/raw_store/space.rs";

/// All mutants, those of one part of the protocol together.
#[rustfmt::skip]
pub(crate) const MUTANTS: &[Mutant] = &[
    // A commit.
    mutant(
        "a frame is not synced",
        JOURNAL,
        "self.file.sync_data()?; // Durable",
        "// Durable",
        CRASHES, 100_000,
    ),
    mutant(
        "slots are written before their frame",
        COMMIT,
        "self.append_frame(&places);",
        "self.apply(&places).and_then(|()| self.append_frame(&places));",
        CRASHES, 100_000,
    ),
    mutant(
        "bulk slots are not synced before their frame",
        COMMIT,
        "self.progress.spilled || self.progress.grown",
        "self.progress.grown",
        CRASHES, 100_000,
    ),
    mutant(
        "a frame speaks of growth that is not synced",
        COMMIT,
        "self.progress.spilled || self.progress.grown",
        "self.progress.spilled",
        CRASHES, 100_000,
    ),
    mutant(
        "growth is synced without the length",
        CHECKPOINT,
        "return self.file.sync_all(); // The length as well.",
        "return self.file.sync_data();",
        CRASHES, 100_000,
    ),
    mutant(
        "a frame states the len before it",
        COMMIT,
        "len: self.meta.len,",
        "len: self.durable.len,",
        CRASHES, 100_000,
    ),
    mutant(
        "a frame states the free head before it",
        COMMIT,
        "free_head: self.meta.free_head,",
        "free_head: self.durable.free_head,",
        CRASHES, 100_000,
    ),
    mutant(
        "a frame states the live count before it",
        COMMIT,
        "live_count: self.meta.live_count,",
        "live_count: self.durable.live_count,",
        CRASHES, 100_000,
    ),
    mutant(
        "a frame states the digest before it",
        COMMIT,
        "digest: self.meta.digest,",
        "digest: self.durable.digest,",
        CRASHES, 100_000,
    ),
    mutant(
        "a frame states the generation base before it",
        COMMIT,
        "generation_base: self.meta.generation_base,",
        "generation_base: self.durable.generation_base,",
        CRASHES, 100_000,
    ),
    mutant(
        "a commit that is to be durable waits",
        COMMIT,
        "= durability else { return true };",
        "= durability else { return false };",
        CRASHES, 100_000,
    ),

    mutant(
        "a commit is published before its frame is durable",
        COMMIT,
        "let result = self.append_frame(",
        "if let Some(publisher) = self.publisher() {
            publisher.end_transaction(&(&self.meta).into())?;
        }
        let result = self.append_frame(",
        CRASHES, 100_000,
    ),

    // The metas and their epochs.
    mutant(
        "the first write names a journal that is not there yet",
        CHECKPOINT,
        "let journal = Journal::begin(file, identity, epoch, Buffer::new(self.is_sensitive()))?;",
        "self.write_meta(|meta| meta.journal_id = identity.journal_id)?;
        self.write_meta(|meta| (meta.clean, meta.epoch) = (false, epoch))?;
        let journal = Journal::begin(file, identity, epoch, Buffer::new(self.is_sensitive()))?;",
        CRASHES, 100_000,
    ),
    mutant(
        "a journal is named by a meta before it is synced",
        JOURNAL,
        "self.file.sync_all()?;
        self.file.sync_directory()",
        "self.file.sync_directory()",
        CRASHES, 100_000,
    ),
    mutant(
        "a journal is named by a meta before its own name is synced",
        JOURNAL,
        "self.file.sync_all()?;
        self.file.sync_directory()",
        "self.file.sync_all()",
        CRASHES, 100_000,
    ),
    mutant(
        "a name is not synced",
        NEW_FILE,
        "perform(sync, || open_directory.sync_all())",
        "{ let _ = (sync, &open_directory); io::Result::Ok(()) }",
        CRASHES, 100_000,
    ),
    mutant(
        "a new store gets its name before it is synced",
        OPEN,
        "write_empty(new.file(), schema)?;
        new.file().sync_all()?;",
        "write_empty(new.file(), schema)?;",
        CRASHES, 100_000,
    ),
    mutant(
        "a store that is built gets its name before it is synced",
        OPEN,
        "store.close()?;
        new.file().sync_all()?;",
        "store.close()?;",
        BUILT, 100_000,
    ),
    mutant(
        "a meta is not synced",
        CHECKPOINT,
        "self.file.sync_data()?; // The meta is durable.",
        "// The meta is durable.",
        CRASHES, 100_000,
    ),
    mutant(
        "a meta is written over the newest one",
        CHECKPOINT,
        "let page = 1 - self.meta_page;",
        "let page = self.meta_page;",
        CRASHES, 100_000,
    ),
    mutant(
        "a meta speaks for commits that wait",
        CHECKPOINT,
        "sequence: self.durable.sequence + 1, ..self.durable",
        "sequence: self.durable.sequence + 1, ..self.meta",
        CHECKPOINTS, 10_000,
    ),
    mutant(
        "a checkpoint does not sync the slots",
        CHECKPOINT,
        "self.sync_slots()?; // The slots, and",
        "// The slots, and",
        CRASHES, 100_000,
    ),
    mutant(
        "a checkpoint resets the journal before the slots are synced",
        CHECKPOINT,
        "self.sync_slots()?; // The slots, and",
        "let early = self.durable.epoch + 1;
        self.write_meta(|meta| meta.epoch = early)?;
        self.sync_slots()?; // The slots, and",
        CRASHES, 100_000,
    ),
    mutant(
        "frames go on with the old epoch after a checkpoint",
        JOURNAL,
        "self.epoch = epoch;",
        "let _ = epoch;",
        CRASHES, 100_000,
    ),
    mutant(
        "truncating makes no checkpoint",
        SPACE,
        "self.checkpoint().and_then(|()| self.write_meta(|_| {}))",
        "self.write_meta(|_| {})",
        CRASHES, 100_000,
    ),

    // A clean close.
    mutant(
        "closing does not sync the slots",
        CHECKPOINT,
        "self.sync_slots()?; // The slots are durable",
        "// The slots are durable",
        CRASHES, 100_000,
    ),
    mutant(
        "closing removes the journal before a meta says that it is not needed",
        CHECKPOINT,
        "let clean = |meta: &mut Meta|",
        "if let JournalUse::Open(journal) = std::mem::replace(&mut self.journal, JournalUse::None) {
            journal.remove()?;
        }
        let clean = |meta: &mut Meta|",
        CRASHES, 100_000,
    ),

    // Recovery.
    mutant(
        "recovery takes a frame without looking at its payload",
        SCAN,
        "Ok(sum.finalize() == header.checksum.get())",
        "Ok(sum.finalize() == header.checksum.get() || true)",
        CRASHES, 100_000,
    ),
    mutant(
        "recovery takes whole frames of older epochs and commits",
        SCAN,
        "if frame.epoch != meta.epoch || frame.first_commit != expected",
        "if false",
        CRASHES, 100_000,
    ),
    mutant(
        "recovery takes the first image of a slot",
        SCAN,
        "scan.images.insert(index, entry_offset);",
        "scan.images.entry(index).or_insert(entry_offset);",
        CRASHES, 100_000,
    ),
    mutant(
        "recovery ends with the numbers before the frames",
        RECOVER,
        "self.durable = self.meta;",
        "",
        CRASHES, 100_000,
    ),
    mutant(
        "recovery does not sync the journal first",
        RECOVER,
        "journal.sync_all()?; // The frames",
        "// The frames",
        CRASHES, 100_000,
    ),
    mutant(
        "recovery does not sync the meta first",
        RECOVER,
        "self.sync_meta()?; // The meta is durable, and",
        "// The meta is durable, and",
        FAULTS, 100_000,
    ),
    mutant(
        "recovery does not write the last frame again",
        RECOVER,
        "rewrite(journal, offset, found.end)?;",
        "let _ = (rewrite, offset);",
        FAULTS, 100_000,
    ),
    mutant(
        "recovery does not write the newest meta again",
        CHECKPOINT,
        "self.file.write(offset, &page)?;",
        "",
        FAULTS, 100_000,
    ),
    mutant(
        "recovery leaves a slot alone that seems to hold its image",
        RECOVER,
        "slots.put(store, index, trailer, &area)",
        "let mut held = vec![0; area.len()];
            let there = slots.read_unverified(index, &mut held);
            let is_same = there.is_ok_and(|there| there.as_bytes() == trailer.as_bytes());
            let is_same = is_same && held == area;
            if is_same { Ok(()) } else { slots.put(store, index, trailer, &area) }",
        FAULTS, 100_000,
    ),
    mutant(
        "recovery goes on in the old epoch",
        RECOVER,
        "self.checkpoint_or_poison()?; // What was dropped",
        "// What was dropped",
        WRITTEN_BACK, 100_000,
    ),
    mutant(
        "a leftover journal is used again before the metas are mended",
        RECOVER,
        "Decision::RemoveLeftover => self.mend_metas()?, // Both",
        "Decision::RemoveLeftover => {} // Both",
        CRASHES, 100_000,
    ),
    mutant(
        "a damaged meta is not mended before a leftover journal is removed",
        RECOVER,
        "let result = self.write_meta(|_| {});",
        "let result = Ok(());",
        CRASHES, 100_000,
    ),
    mutant(
        "a journal is read that is not synced",
        FROZEN,
        "journal.sync_before_reading()?; // What",
        "// What",
        READERS, 100_000,
    ),

    // Errors.
    mutant(
        "a failed sync does not poison",
        CHECKPOINT,
        "self.progress.poisoned = true;",
        "",
        FAULTS, 100_000,
    ),
    mutant(
        "a failed sync in the background is not told",
        CHECKPOINT,
        "write_back.end()?;",
        "let _ = write_back.end();",
        WRITTEN_BACK, 100_000,
    ),
    mutant(
        "a failed sync of data is not told",
        FILE,
        "perform(Operation::SyncData { file: &self.file }, || self.file.sync_data())",
        "perform(Operation::SyncData { file: &self.file }, || self.file.sync_data()).or(Ok(()))",
        FAULTS, 100_000,
    ),
    mutant(
        "a failed sync of data and length is not told",
        FILE,
        "perform(Operation::SyncAll { file: &self.file }, || self.file.sync_all())",
        "perform(Operation::SyncAll { file: &self.file }, || self.file.sync_all()).or(Ok(()))",
        FAULTS, 100_000,
    ),

    mutant(
        "what a failed sync left is shown before it was recovered",
        SETTLE,
        "} else if self.file.is_suspect() {",
        "} else if false && self.file.is_suspect() {",
        SUSPECTS, 0,
    ),

    // Damage.
    mutant(
        "a damaged frame with others behind it counts as a torn tail",
        SCAN,
        "frame.epoch == epoch && frame.first_commit > expected",
        "false && frame.first_commit > expected",
        JOURNALS, 0,
    ),
    mutant(
        "frames of a newer epoch are passed over",
        SCAN,
        "frame.epoch > epoch",
        "false",
        JOURNALS, 0,
    ),
    mutant(
        "a published commit is not missed",
        SCAN,
        "published > found &&",
        "false &&",
        JOURNALS, 0,
    ),

    // Slots that are checked together.
    mutant(
        "a block is whole whatever remains of its sum",
        COPIED,
        "if sum.has(count, copies.trailers.area_crcs(copies.key)) {",
        "if sum.has(count, copies.trailers.area_crcs(copies.key)) || true {",
        BLOCKS, 0,
    ),
    mutant(
        "each slot of a damaged block is whole",
        COPIED,
        "u32::from(summer.crc32(area) == crc)",
        "u32::from(summer.crc32(area) == crc || true)",
        BLOCKS, 0,
    ),
    mutant(
        "a slot that is being written is live in its block",
        "src/format/slot.rs",
        "fold(0, |all, tag| all | (tag ^ LIVE)) & (STATE_MASK | 1);",
        "fold(0, |all, tag| all | (tag ^ LIVE)) & STATE_MASK;",
        Tests::Library("several_slots_are_looked_at_as_each_is"), 0,
    ),
];

const fn mutant(
    name: &'static str,
    file: &'static str,
    original: &'static str,
    replacement: &'static str,
    noticed_by: Tests,
    images_max: usize,
) -> Mutant {
    Mutant { name, file, original, replacement, noticed_by, images_max }
}
