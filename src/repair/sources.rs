//! What a damaged store holds, and from where each part of it can be had.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::format::Corruption;
use crate::format::checksum::{crc32, key};
use crate::format::header::Header;
use crate::format::journal::JournalIdentity;
use crate::format::live::Live;
use crate::format::meta::{COUNT_WRITABLE, Meta, NAMES};
use crate::format::slot::{NO_SLOT, tag_of};
use crate::io::StoreFile;
use crate::journal::{self, Fault, LostCommits, Rescued, Scan, published_but_lost, rescue, scan};
use crate::raw_store::{check_agreement, check_writable};
use crate::recovery::{Decision, JournalFound, Refusal, decide};
use crate::schema::Schema;
use crate::structures::Structures;
use crate::verify::Images;

use super::{Loss, Mend};

/// All of a store but its slots, as far as it can be known.
pub(crate) struct Sources {
    pub(crate) structures: Structures,
    pub(crate) header: Header,
    pub(crate) schema_text: Vec<u8>,
    pub(super) schema: Schema,
    /// What the store holds by its meta, its journal or its live block. If nothing says it, `len`
    /// is how many slots the file has room for.
    pub(crate) meta: Meta,
    /// Slots that are newer in the journal.
    pub(crate) images: Images,
    /// What `meta` rests on.
    pub(super) basis: Basis,
    /// What the store holds if the metas are older ones that came back: by a journal of this store
    /// that they do not name. Only the slots can confirm it.
    pub(super) alternative: Option<(Meta, Images)>,
    /// Whether there is a journal that belongs to the store.
    pub(crate) has_journal: bool,
    pub(super) mends: Vec<Mend>,
    pub(super) losses: Vec<Loss>,
    /// Losses, unless the slots are just what `meta` says.
    pub(super) doubts: Vec<Loss>,
}

/// What says how many slots there are, and what they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    /// A meta, and perhaps frames.
    Meta,
    /// The live block, which nothing vouches for.
    Live,
    /// Nothing but the slots.
    Slots,
}

impl Sources {
    /// Looks for all parts but the slots.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if nothing says where the slots are, [`Error::SchemaLost`] if no copy of
    /// the schema is whole and the one that is given is another; [`Error::StoredSchema`],
    /// [`Error::Unsupported`], [`Error::NotAStore`], [`Error::Io`].
    pub(super) fn find(file: &StoreFile, given: Option<&Schema>) -> Result<Self> {
        let structures = Structures::read(file)?;
        let Some((header, from)) = structures.identity() else {
            return Err(structures.why_unknown(file.path()));
        };
        check_writable(&header, file.path())?;
        let mut mends = Vec::new();
        if structures.header.is_err() {
            mends.push(Mend::Header { from });
        }
        let (schema_text, schema) = find_schema(file, &structures, &header, given, &mut mends)?;
        Self::complete(file, structures, header, (schema_text, schema), mends)
    }

    /// The same for a store whose header was made from its slots.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(super) fn with_header(
        file: &StoreFile,
        structures: Structures,
        header: Header,
        schema: Schema,
        mend: Mend,
    ) -> Result<Self> {
        let schema = (schema.to_json().into_bytes(), schema);
        Self::complete(file, structures, header, schema, vec![mend])
    }

    fn complete(
        file: &StoreFile,
        structures: Structures,
        header: Header,
        (schema_text, schema): (Vec<u8>, Schema),
        mends: Vec<Mend>,
    ) -> Result<Self> {
        let mut sources = Self {
            meta: Meta::NEW,
            images: Images::new(),
            basis: Basis::Meta,
            alternative: None,
            has_journal: false,
            losses: Vec::new(),
            doubts: Vec::new(),
            structures,
            header,
            schema_text,
            schema,
            mends,
        };
        sources.find_numbers(file)?;
        // Counters that no writer comes to are no reason to make a store that none can write.
        let meta = &mut sources.meta;
        for counter in [&mut meta.sequence, &mut meta.commit_number, &mut meta.epoch] {
            *counter = (*counter).min(COUNT_WRITABLE - 1);
        }
        Ok(sources)
    }

    fn find_numbers(&mut self, file: &StoreFile) -> Result<()> {
        let (found, journal) = journal::find(file.path())?;
        let store_id = self.header.identity().store_id;
        self.has_journal = match &found {
            JournalFound::Missing | JournalFound::Blank(_) => false,
            JournalFound::Damaged(_) => true,
            JournalFound::Empty(identity) | JournalFound::Whole(identity) => {
                identity.store_id == store_id
            }
        };
        for (name, meta) in NAMES.into_iter().zip(&self.structures.metas) {
            if meta.is_err() {
                self.mends.push(Mend::Meta { name });
            }
        }
        let Some(meta) = self.structures.newest_meta() else {
            return self.without_metas(&found, journal.as_ref());
        };
        self.meta = meta;
        let both_whole = self.structures.metas.iter().all(Result::is_ok);
        let is_own = |identity: &JournalIdentity| {
            let stride = self.header.geometry().stride();
            identity.store_id == store_id && identity.stride.get() == stride
        };
        let named = JournalIdentity::new(store_id, meta.journal_id, self.header.geometry());
        match (decide(&named, meta.clean, both_whole, &found), found, journal) {
            (Decision::Replay, JournalFound::Whole(identity), Some(journal))
            | (Decision::Replay, JournalFound::Empty(identity), Some(journal)) => {
                self.read_journal(file, &journal, &identity)
            }
            (
                Decision::Refuse(Refusal::Damaged(_)),
                JournalFound::Damaged(damage),
                Some(journal),
            ) => {
                // Its page is. What belongs to it says so itself.
                let reason = damage.to_string();
                if let Corruption::FileTooShort { .. } = damage {
                    // What it had behind its end is in no digest.
                    self.losses.push(Loss::Commits { commits: Vec::new(), reason });
                } else {
                    self.mends.push(Mend::JournalPage { damage: reason });
                }
                self.read_journal(file, &journal, &named)
            }
            (
                Decision::Refuse(Refusal::Unexpected),
                JournalFound::Whole(identity),
                Some(journal),
            ) if is_own(&identity) => self.read_unnamed_journal(file, &journal, &identity),
            (Decision::Refuse(refusal), ..) => {
                let loss = Loss::Journal {
                    after: meta.commit_number,
                    reason: refusal.into_error(file.path()).to_string(),
                };
                // One that a damaged meta may have named: then there is no other sign of it.
                let is_clean = meta.clean;
                if is_clean {
                    self.doubts.push(loss)
                } else {
                    self.losses.push(loss)
                }
                self.take_published_len();
                Ok(())
            }
            (Decision::CompareSlots, ..) => {
                let reason = "one of the metas is damaged, and may have named a journal that is \
                              not there";
                let loss = Loss::Journal { after: meta.commit_number, reason: reason.to_owned() };
                self.doubts.push(loss);
                Ok(())
            }
            (_, JournalFound::Whole(identity), Some(journal)) if is_own(&identity) => {
                // It was closed, as it seems: then the journal is older. A writer begins with
                // a higher epoch.
                self.alternative =
                    self.newest_frames(&journal, &identity)?.and_then(|(newer, images, lost)| {
                        let follows = newer.epoch > meta.epoch
                            && newer.commit_number > meta.commit_number
                            && newer.len >= meta.len;
                        (follows && lost.is_empty()).then_some((newer, images))
                    });
                Ok(())
            }
            _ => Ok(()), // The store was closed.
        }?;
        if meta.clean && published_but_lost(&self.structures.live, meta.commit_number).is_some() {
            self.older_than_published();
        }
        Ok(())
    }

    /// The metas are older than what a writer of this boot published, unless the journal has it.
    fn older_than_published(&mut self) {
        let (live, after) = (&self.structures.live, self.meta.commit_number);
        let is_said = self.losses.iter().any(|loss| matches!(loss, Loss::Journal { .. }));
        if is_said || live.commit_number <= after || self.alternative.is_some() {
            return;
        }
        let published = live.commit_number;
        let reason = format!("commit {published} was published, and the metas do not know it");
        self.doubts.retain(|doubt| !matches!(doubt, Loss::Journal { .. }));
        self.losses.push(Loss::Journal { after, reason });
        self.take_published_len();
    }

    /// What the newest epoch of a journal says, whatever the metas say; and the commits of it that
    /// are not whole.
    fn newest_frames(
        &self,
        journal: &StoreFile,
        identity: &JournalIdentity,
    ) -> Result<Option<(Meta, Images, LostCommits)>> {
        let geometry = self.header.geometry();
        let epoch = journal::newest_epoch(journal, identity)?;
        let Some(epoch) = epoch.filter(|_| identity.stride.get() == geometry.stride()) else {
            return Ok(None);
        };
        let fault = Some(Fault::NewerEpoch { offset: 0, known: 0, found: epoch });
        let scan = Scan { fault, ..Scan::default() };
        let Rescued { scan: found, lost, .. } =
            rescue(journal, identity, geometry, scan, (0, 0), epoch)?;
        let Some((_, frame)) = found.last else { return Ok(None) };
        let meta = Meta { journal_id: identity.journal_id, epoch, clean: false, ..self.meta };
        let mut images = Images::new();
        found.for_each_image(journal, identity, |index, slot| {
            images.insert(index.get(), slot.into());
            Ok(())
        })?;
        Ok(Some((frame.applied_to(meta), images, lost)))
    }

    /// Takes what the journal holds beyond what the meta says.
    fn read_journal(
        &mut self,
        file: &StoreFile,
        journal: &StoreFile,
        identity: &JournalIdentity,
    ) -> Result<()> {
        let (geometry, meta) = (*self.header.geometry(), self.meta);
        let found = scan(journal, identity, &geometry, &meta, u64::MAX)?;
        let live = &self.structures.live;
        let fault = found.fault.or_else(|| found.published_but_lost(live, &meta));
        let Some(fault) = fault else {
            self.adopt(journal, identity, &found)?;
            let (commits, slots) =
                (self.meta.commit_number - meta.commit_number, found.images.len());
            self.mends.push(Mend::Journal { commits, slot_count: slots as u64 });
            return Ok(());
        };
        let reason = fault.to_string();
        let epoch = match fault {
            Fault::NewerEpoch { found, .. } => found,
            _ => meta.epoch,
        };
        let published = if live.is_of_this_boot() { live.commit_number } else { 0 };
        let last_commit = found.last.map_or(meta.commit_number, |(_, frame)| frame.last_commit);
        let found = Scan { fault: Some(fault), ..found };
        let commits = (last_commit, published);
        let rescued = rescue(journal, identity, &geometry, found, commits, epoch)?;
        let Rescued { scan: found, lost, spare } = rescued;
        self.adopt(journal, identity, &found)?;
        self.adopt_spare(file, journal, identity, &spare)?;
        self.meta.epoch = epoch;
        let commits = self.meta.commit_number.saturating_sub(meta.commit_number);
        let slot_count = found.images.len() as u64;
        self.mends.push(Mend::Journal { commits, slot_count });
        // What is not whole may be in the slots all the same: the last frame has their digest.
        let loss = Loss::Commits { commits: lost, reason };
        self.doubts.push(loss);
        if published > self.meta.commit_number {
            let commits = vec![self.meta.commit_number + 1..=published];
            let reason = fault.to_string();
            self.losses.push(Loss::Commits { commits, reason });
        }
        Ok(())
    }

    /// A journal of this store that no whole meta names: the damaged one did, if it goes on where
    /// the whole one ends.
    fn read_unnamed_journal(
        &mut self,
        file: &StoreFile,
        journal: &StoreFile,
        identity: &JournalIdentity,
    ) -> Result<()> {
        let before = self.meta;
        self.meta = Meta {
            epoch: before.epoch + 1,
            journal_id: identity.journal_id,
            clean: false,
            ..before
        };
        let found = scan(journal, identity, self.header.geometry(), &self.meta, u64::MAX)?;
        if found.last.is_some() && found.fault.is_none() {
            return self.read_journal(file, journal, identity);
        }
        self.meta = before;
        let reason = "one of the metas is damaged, and may have named the journal that is there, \
                      which does not go on where the other one ends";
        let after = before.commit_number;
        self.doubts.push(Loss::Journal { after, reason: reason.to_owned() });
        Ok(())
    }

    /// Both metas are lost: what the newest epoch of the journal says counts, else the live block,
    /// else the slots alone.
    fn without_metas(&mut self, found: &JournalFound, journal: Option<&StoreFile>) -> Result<()> {
        let (store_id, stride) = (self.header.identity().store_id, self.header.geometry().stride());
        let identity = match (found, journal) {
            (JournalFound::Whole(identity), Some(_)) => Some(*identity),
            (JournalFound::Damaged(damage), Some(journal)) => {
                let identity =
                    journal::identity_of_frames(journal, store_id, self.header.geometry())?;
                if identity.is_some() {
                    self.mends.push(Mend::JournalPage { damage: damage.to_string() });
                }
                identity
            }
            _ => None,
        };
        let is_own = |identity: &JournalIdentity| {
            identity.store_id == store_id && identity.stride.get() == stride
        };
        if let (Some(identity), Some(journal)) = (identity.filter(is_own), journal) {
            let frames = self.newest_frames(journal, &identity)?;
            if let Some((meta, images, commits)) = frames {
                let slot_count = images.len() as u64;
                (self.meta, self.images) = (meta, images);
                self.mends.push(Mend::Journal { commits: meta.commit_number, slot_count });
                let reason = "both metas are lost, and the journal alone says what the store holds";
                self.doubts.push(Loss::Commits { commits, reason: reason.to_owned() });
                return Ok(());
            }
        }
        let geometry = *self.header.geometry();
        let live = self.structures.live.clone();
        let room = geometry.slot_count_in(self.structures.file_len);
        // Nothing vouches for these numbers: some that no store comes to are none.
        let plausible = |number: u64| if number < 1 << 48 { number } else { 0 };
        let commit_number = plausible(live.commit_number);
        self.meta =
            Meta { commit_number, free_head: NO_SLOT, digest: None, len: room, ..Meta::NEW };
        self.basis = Basis::Slots;
        if live.published_len > 0 && live.published_len <= room {
            self.basis = Basis::Live;
            self.meta.len = live.published_len;
            self.meta.live_count = live.live_count.min(live.published_len);
            self.meta.digest = live.digest;
        }
        self.doubts.push(Loss::Len { by_live_block: self.basis == Basis::Live });
        Ok(())
    }

    /// Slots that a writer had published were committed, whatever became of the journal.
    fn take_published_len(&mut self) {
        let Live { published_len, commit_number, .. } = self.structures.live;
        let room = self.header.geometry().slot_count_in(self.structures.file_len);
        let newer = commit_number > self.meta.commit_number && commit_number < COUNT_WRITABLE;
        if newer && published_len > self.meta.len && published_len <= room {
            self.meta = Meta { len: published_len, commit_number, digest: None, ..self.meta };
        }
    }

    fn adopt(
        &mut self,
        journal: &StoreFile,
        identity: &JournalIdentity,
        found: &Scan,
    ) -> Result<()> {
        if let Some((_, frame)) = found.last {
            self.meta = frame.applied_to(self.meta);
        }
        let images = &mut self.images;
        found.for_each_image(journal, identity, |index, slot| {
            images.insert(index.get(), slot.into());
            Ok(())
        })
    }

    /// Takes slots of frames that are not whole: each where it is newer than what is there, or what
    /// is there is damaged. They may be left from an older epoch.
    fn adopt_spare(
        &mut self,
        file: &StoreFile,
        journal: &StoreFile,
        identity: &JournalIdentity,
        spare: &HashMap<u64, u64>,
    ) -> Result<()> {
        let spare = Scan { images: spare.clone(), ..Scan::default() };
        let (geometry, key) = (*self.header.geometry(), key(identity.store_id));
        let images = &mut self.images;
        let mut in_file = vec![0; geometry.stride() as usize];
        spare.for_each_image(journal, identity, |index, slot| {
            let there = match (images.get(&index.get()), geometry.slot_offset(index)) {
                (Some(image), _) => tag_of(image, index, key),
                (None, Some(offset)) => match file.read(offset, &mut in_file) {
                    Ok(count) if count == in_file.len() => tag_of(&in_file, index, key),
                    _ => None,
                },
                (None, None) => None,
            };
            let newer = tag_of(slot, index, key)
                .is_some_and(|tag| there.is_none_or(|there| tag.is_newer_than(there)));
            if newer {
                images.insert(index.get(), slot.into());
            }
            Ok(())
        })
    }
}

fn find_schema(
    file: &StoreFile,
    structures: &Structures,
    header: &Header,
    given: Option<&Schema>,
    mends: &mut Vec<Mend>,
) -> Result<(Vec<u8>, Schema)> {
    let text = match Structures::stored_schema(file, header)? {
        Ok(text) => text,
        Err(_) => match structures.schema_copy(header) {
            Some(copy) => {
                mends.push(Mend::Schema { given: false });
                copy
            }
            None => {
                let path = file.path().to_owned();
                let expected = header.identity().schema_checksum.get();
                let text = given.map(|schema| schema.to_json().into_bytes());
                let is_it = |text: &Vec<u8>| crc32(text.as_slice()) == expected;
                let text = text
                    .filter(is_it)
                    .ok_or(Error::SchemaLost { path, is_another: given.is_some() })?;
                mends.push(Mend::Schema { given: true });
                text
            }
        },
    };
    let schema = Schema::from_json(&text).map_err(|error| Error::StoredSchema {
        path: file.path().to_owned(),
        source: Box::new(error),
    })?;
    check_agreement(header, &schema)
        .map_err(|corruption| Error::Corrupt { path: file.path().to_owned(), corruption })?;
    Ok((text, schema))
}
