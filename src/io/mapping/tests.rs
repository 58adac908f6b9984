//! What a mapping does, apart from what takes `unsafe` to ask.

use std::fs::File;

use zerocopy::IntoBytes;

use super::super::sequence::WordByWord;
use super::{Growth, Mapping, MappingOptions, resident_pages};
use crate::io::Access;

/// Elements of two words and a trailer, from byte 8 on.
pub(super) fn mapped(len: u64, writable: bool, growth: Growth) -> (File, Mapping) {
    let file = tempfile::tempfile().unwrap();
    file.set_len(len).unwrap();
    let access = Access::Normal;
    let protection = Default::default();
    let options = MappingOptions { start: 8, stride: 24, writable, growth, access, protection };
    let mapping = Mapping::new(&file, len, options).unwrap();
    (file, mapping)
}

fn read(mapping: &Mapping, index: u64) -> Option<([u64; 2], [u8; 8])> {
    let mut area = [0_u64; 2];
    let element = mapping.element(index, 16)?;
    element.copy_area(area.as_mut_bytes(), WordByWord);
    Some((area, element.trailer()))
}

#[test]
fn what_is_written_is_read() {
    let (_file, mut mapping) = mapped(4096, true, Growth::Remap);
    mapping.write(1, &[1, 2], [3; 8]).unwrap();
    mapping.overwrite(1, &[4, 5], [9; 8], [6; 8]).unwrap();
    assert_eq!(read(&mapping, 1), Some(([4, 5], [6; 8])));
}

#[test]
fn elements_stand_where_they_should() {
    use std::os::unix::fs::FileExt;
    let (file, mut mapping) = mapped(4096, true, Growth::Remap);
    mapping.write(3, &[1, u64::MAX], [7; 8]).unwrap();
    let mut bytes = [1; 24];
    file.read_exact_at(&mut bytes, 8 + 3 * 24).unwrap();
    let (area, trailer) = bytes.split_at(16);
    assert_eq!((area, trailer), ([1, u64::MAX].as_bytes(), [7; 8].as_slice()));
}

#[test]
fn what_is_written_stays_when_its_memory_is_released() {
    let (_file, mut mapping) = mapped(1 << 20, true, Growth::Remap);
    mapping.write(170, &[1, 2], [3; 8]).unwrap();
    mapping.release().unwrap();
    assert_eq!(read(&mapping, 170), Some(([1, 2], [3; 8])));
}

#[test]
fn where_no_element_is_mapped_a_run_has_none() {
    for len in [0, 4096, 4096 + 24] {
        let (_file, mapping) = mapped(len, false, Growth::Remap);
        let count = mapping.count() as u64;
        println!("{len} bytes: {count} elements");
        for indices in [0..0, 0..5, count..count, count..count + 1, u64::MAX..u64::MAX] {
            let there = indices.end.min(count).saturating_sub(indices.start);
            assert_eq!(mapping.run(indices.clone(), 16).count() as u64, there, "{indices:?}");
        }
    }
}

#[test]
fn nothing_outside_the_file_is_touched() {
    let (_file, mut mapping) = mapped(8 + 24 * 7 + 23, true, Growth::Reserve(1 << 20));
    assert!(read(&mapping, 6).is_some());
    for index in [7, 8, 1 << 40, u64::MAX / 24, u64::MAX] {
        assert_eq!(read(&mapping, index), None, "element {index}");
        assert_eq!(mapping.write(index, &[0; 2], [0; 8]), None, "element {index}");
    }
    assert_eq!(mapping.write(0, &[0; 3], [0; 8]), None, "an element of another size");
}

/// Windows that begin anywhere show what one mapping of all shows, and nothing outside of them.
#[test]
fn a_window_has_its_elements_and_no_others() {
    let (file, mut mapping) = mapped(8 + 24 * 2000, true, Growth::Remap);
    for index in 0..2000 {
        mapping.write(index, &[index, !index], [index as u8; 8]).unwrap();
    }
    for elements in [0..1, 0..2000, 170..171, 170..340, 171..342, 1999..2000, 700..700] {
        let window = Mapping::window(&file, elements.clone(), mapping.options).unwrap();
        assert_eq!(window.indices(), elements);
        for index in (0..2001).chain([u64::MAX]) {
            let expected = read(&mapping, index).filter(|_| elements.contains(&index));
            assert_eq!(read(&window, index), expected, "{index} in {elements:?}");
        }
        assert!(window.header_words(0, 8).is_none() && window.wait_word(0).is_none());
        window.advise(elements.start, elements.start, Access::Random).unwrap();
        window.prefault(elements.start, elements.start).unwrap();
        window.touch(window.start, window.len() - window.start);
    }
    for elements in [u64::MAX - 1..u64::MAX, 0..1 << 60] {
        assert!(Mapping::window(&file, elements, mapping.options).is_err());
    }
}

#[test]
fn elements_that_are_not_made_of_words_are_refused() {
    let file = tempfile::tempfile().unwrap();
    for (start, stride) in [(4, 24), (8, 20), (8, 8), (8, 0)] {
        let (growth, access) = (Growth::Remap, Access::Normal);
        let (writable, protection) = (false, Default::default());
        let options = MappingOptions { start, stride, writable, growth, access, protection };
        assert!(Mapping::new(&file, 0, options).is_err(), "{start}, {stride}");
    }
}

#[test]
fn a_file_longer_than_the_addresses_is_told_from_a_want_of_memory() {
    let (file, mut mapping) = mapped(4096, true, Growth::Remap);
    let overflow = Some(rustix::io::Errno::OVERFLOW.raw_os_error());
    for len in [u64::MAX, isize::MAX as u64 + 1] {
        let refused = Mapping::try_out(&file, len).unwrap_err();
        assert_eq!(refused.raw_os_error(), overflow, "{len}: {refused}");
        let refused = mapping.resize(&file, len).unwrap_err();
        assert_eq!(refused.raw_os_error(), overflow, "{len}: {refused}");
    }
    mapping.write(0, &[7; 2], [8; 8]).unwrap();
    assert_eq!(read(&mapping, 0), Some(([7; 2], [8; 8])));
}

#[test]
fn a_read_only_mapping_is_not_written() {
    let (_file, mut mapping) = mapped(4096, false, Growth::Remap);
    assert_eq!(mapping.write(0, &[1; 2], [1; 8]), None);
    assert_eq!(mapping.overwrite(0, &[1; 2], [1; 8], [1; 8]), None);
}

#[test]
fn a_mapping_follows_its_file_in_both_ways() {
    for (growth, moves) in [(Growth::Reserve(1 << 30), false), (Growth::Remap, true)] {
        let (file, mut mapping) = mapped(4096, true, growth);
        mapping.write(0, &[7; 2], [8; 8]).unwrap();
        file.set_len(1 << 20).unwrap();
        assert_eq!(mapping.resize(&file, 1 << 20).unwrap(), moves, "{growth:?}");
        mapping.write(43_689, &[1; 2], [2; 8]).unwrap();
        assert_eq!(read(&mapping, 43_690), None, "{growth:?}");
        assert_eq!(read(&mapping, 0), Some(([7; 2], [8; 8])), "{growth:?}");
    }
}

#[test]
fn if_the_old_mapping_must_go_first_it_comes_back_when_there_is_no_room() {
    let (file, mut mapping) = mapped(4096, true, Growth::Remap);
    mapping.write(0, &[7; 2], [8; 8]).unwrap();
    assert!(mapping.resize(&file, u64::MAX >> 1).is_err());
    assert_eq!(read(&mapping, 0), Some(([7; 2], [8; 8])));
}

/// What is done where the system cannot be asked for the pages.
#[cfg(target_os = "linux")]
#[test]
#[cfg_attr(feature = "portable", ignore = "what is in memory is not told")]
fn touching_reads_each_page_and_nothing_outside() {
    let (file, mapping) = mapped(8 + 24 * 100_000 + 5, true, Growth::Reserve(1 << 20));
    file.sync_all().unwrap();
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    mapping.advise(0, 99_999, Access::Random).unwrap(); // Nothing around is read.
    let resident = || {
        let pages = resident_pages(&file, 0, 8 + 24 * 100_000).unwrap().unwrap();
        (pages.iter().filter(|page| **page & 1 == 1).count(), pages.len())
    };
    let before = resident();
    mapping.touch(4000, 4200); // Some bytes of each of three pages.
    let three = resident();
    for (start, len) in [(0, 0), (8, 2_400_000), (8 + 24 * 99_999, 24), (1 << 21, 1 << 22)] {
        mapping.touch(start, len);
    }
    let after = resident();
    println!("in memory: {before:?}, {three:?}, then {after:?}");
    assert_eq!(after.0, after.1);
    assert!(before.0 > 0 || three.0 == 3, "{three:?}");
    mapping.prefault(0, 99_999).unwrap();
    mapping.prefault(5, 100_000).unwrap(); // There is no such element: nothing is done.
}
