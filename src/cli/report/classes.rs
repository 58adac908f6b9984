//! What each class of findings means, and what is likely to have happened, for people.

use stridedb::Class;

/// A sentence of each.
pub(super) fn explain(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Pages => (
            "The header or one of the metas contradicts its checksum or the format.",
            "A part of the page has rotted, or a write to it was cut short; while one of them is \
             whole, it tells what the others did.",
        ),
        Class::Schema => (
            "The schema, or what must be zero around it, is not what was written.",
            "It has rotted, or something wrote over it; a short schema has a copy in each meta.",
        ),
        Class::Journal => (
            "The store was not closed, and its journal does not tell what its last commits were.",
            "The journal was removed, or left behind when the store was copied or moved; or it has \
             rotted.",
        ),
        Class::Missing => (
            "The file ends before its slots do.",
            "It was cut off: a copy that was not completed, or a file system that lost the end of \
             the file.",
        ),
        Class::HalfWritten => (
            "A writer was in the middle of these slots, and the journal has no image of them.",
            "The file was copied while it was being written, without its journal; or the journal \
             was lost after a crash.",
        ),
        Class::BitFlip => (
            "One bit of the slot is not what it was: with it, the checksum would be right.",
            "Memory, a cable or the disk has flipped it; which one it is, is known.",
        ),
        Class::Zeros => (
            "Zeros stand where records should be.",
            "A page was lost on its way to the disk, or a copy left a hole.",
        ),
        Class::Misdirected => (
            "These slots are of this store, and stand in the wrong place.",
            "The disk, or a program that copied blocks, wrote them to a wrong address, over what \
             was there.",
        ),
        Class::OtherStore => (
            "These slots were written for the same place of another store.",
            "A part of another store's file was written over this one, as by a restored block or a \
             mixed-up copy.",
        ),
        Class::Damaged => (
            "These slots contradict their checksum or the format.",
            "Several bits have rotted, or something else was written over them: nothing tells \
             more.",
        ),
        Class::Unreadable => (
            "The disk does not hand these slots out.",
            "It is failing: the system's log says more, and a copy of the file is due.",
        ),
        Class::Value => (
            "These records are whole, and a field has no value of its type or range.",
            "A program wrote them so: it is no accident of the disk.",
        ),
        Class::Order => (
            "These records are whole, and come before the ones before them, though the schema says \
             that they ascend.",
            "A program wrote them so: it is no accident of the disk.",
        ),
        Class::FreeList => (
            "The list of removed slots, which are used again, does not lead to all of them.",
            "Some of them are older than the rest of the file, or a writer was at fault.",
        ),
        Class::Stale => (
            "All slots are whole, and not the ones that were written last.",
            "A write was lost, or a part of the file was replaced by an older copy.",
        ),
        _ => ("Something contradicts the format.", "Nothing tells more."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_words_of_its_own() {
        let mut words = Class::ALL.map(explain).to_vec();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Class::ALL.len());
        assert!(words.iter().all(|(meaning, _)| *meaning != "Something contradicts the format."));
    }
}
