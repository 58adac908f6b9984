//! The reports that `verify --report` writes.

use std::fs;

use super::Sandbox;
use super::verify::{damaged_ticks, make_invalid, rotten_ticks};

const STRIDE: usize = 32;

/// The report that a verification of the store writes, whatever that ends with.
fn report_of(sandbox: &Sandbox, name: &str) -> String {
    let ended = sandbox.run(&["verify", "ticks.stride", "--report", name]);
    assert!(ended.code == 0 || ended.code == 4, "{ended:?}");
    assert!(ended.stderr.contains(&format!("the report is in {name}")), "{ended:?}");
    fs::read_to_string(sandbox.path(name)).unwrap()
}

/// Sees that each element is closed in its turn.
fn is_well_formed(text: &str) {
    let mut open = Vec::new();
    for tag in text.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap_or_else(|| panic!("<{tag}"));
        let name = tag.split(char::is_whitespace).next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "</{name}>"),
            None if tag.ends_with('/') || ["!doctype", "meta"].contains(&name) => {}
            None => open.push(name),
        }
    }
    assert_eq!(open, [""; 0]);
}

/// Sees that a report needs nothing but itself.
fn is_self_contained(text: &str) {
    let text = text.replace("http://www.w3.org/2000/svg", "");
    for word in ["http:", "https:", "//", "<script", "<link", "src=", "url(", "@import", "<img"] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn a_page_says_what_is_damaged_where_and_what_to_run_next() {
    let page = report_of(&rotten_ticks(), "report.html");
    is_well_formed(&page);
    is_self_contained(&page);
    for expected in [
        "<h1>ticks.stride</h1>",
        "<p class=\"verdict bad\">damaged</p>",
        "<dt>schema</dt><dd>Tick</dd>",
        "<dt>slots</dt><dd>1,000</dd>",
        "<dt>damaged</dt><dd>131</dd>",
        "Next: <code>stridedb repair ticks.stride</code>",
        "<title>slots 128 to 129: 2 damaged</title>",
        "all damaged or missing: ",
        "<h3>bit flip: 3 slots in 3 findings</h3>",
        "<h3>zeros: 128 slots in 1 finding</h3>",
        "prefers-color-scheme: dark",
        "name=\"viewport\"",
    ] {
        assert!(page.contains(expected), "{expected}\n{page}");
    }
    let id = "<dt>store id</dt><dd>";
    let id = page.split_once(id).unwrap().1.split_once('<').unwrap().0.to_owned();
    assert_eq!(id.len(), 32, "{id}");
}

#[test]
fn damaged_records_are_shown_field_by_field_with_the_bad_byte_marked() {
    let sandbox = damaged_ticks(200, |slots| {
        slots[7 * STRIDE + 8] ^= 4;
        slots[9 * STRIDE + 30] ^= 2;
        make_invalid(&mut slots[150 * STRIDE..]);
    });
    let page = report_of(&sandbox, "report.html");
    let row = "<td class=\"hex\"><mark>03</mark> 00 00 00</td><td>price</td><td>0.03</td>";
    assert!(page.contains(row), "{page}");
    assert!(page.contains("With that bit flipped back: price = 0.07."), "{page}");
    // A bit of the tag has no field.
    assert!(page.contains("<mark>02</mark> 00</td><td class=\"dim\">tag</td>"), "{page}");
    // The text that is none is marked as a whole.
    let text = "<mark>12</mark> <mark>37</mark> <mark>44</mark>";
    assert!(page.contains(text), "{page}");
}

#[test]
fn the_part_of_a_record_that_is_zero_is_marked() {
    let sandbox = Sandbox::new();
    let fields = ["first", "second"].map(|name| format!("[[fields]]\nname = \"{name}\"\n"));
    let schema = fields.map(|field| field + "type = \"u64\"\n").concat();
    sandbox.write("pairs.toml", &format!("name = \"Pair\"\n{schema}"));
    let rows: String =
        (0..100_u64).map(|i| format!("{},{}\n", i + 0x0102_0304_0506_0708, !i)).collect();
    sandbox.write("pairs.csv", &format!("first,second\n{rows}"));
    let import = ["import", "ticks.stride", "pairs.csv", "--schema", "pairs.toml"];
    assert_eq!(sandbox.run(&import).code, 0);
    // The second sector of the slots was lost: of slot 21 the last 16 bytes.
    let start = sandbox.slot_offset(0);
    let mut bytes = fs::read(sandbox.path("ticks.stride")).unwrap();
    bytes[start + 512..start + 1024].fill(0);
    fs::write(sandbox.path("ticks.stride"), bytes).unwrap();
    let page = report_of(&sandbox, "report.html");
    assert!(
        page.contains("<td class=\"hex\">1d 07 06 05 04 03 02 01</td><td>first</td>"),
        "{page}"
    );
    let zeros = ["<mark>00</mark>"; 8].join(" ");
    let row = format!("<td class=\"hex\">{zeros}</td><td>second</td><td>0</td>");
    assert!(page.contains(&row), "{page}");
    assert!(page.contains("Slots 21 to 42 have the same."), "{page}");
}

#[test]
fn what_comes_from_the_file_is_no_markup() {
    let sandbox = Sandbox::new();
    let (evil, field) = ("</title><script>alert(1)</script>", "<img src=x onerror='alert(2)'>");
    sandbox.write(
        "evil.toml",
        &format!(
            "name = \"{evil}\"\ndoc = \"{evil}\"\n[[fields]]\nname = \"{field}\"\n\
             type = \"text<48>\"\nunit = \"<b>\"\n"
        ),
    );
    let name = "<i>&amp;.stride";
    let create = ["create", name, "--schema", "evil.toml"];
    assert_eq!(sandbox.run(&create).code, 0);
    let value = "</td></svg><script>alert(3)</script>";
    sandbox.write("evil.csv", &format!("\"{field}\"\n{value}\n{value}\n"));
    let import = sandbox.run(&["import", name, "evil.csv"]);
    assert_eq!(import.code, 0, "{import:?}");
    let mut bytes = fs::read(sandbox.path(name)).unwrap();
    let end = bytes.len();
    bytes[end - 20] ^= 1;
    fs::write(sandbox.path(name), bytes).unwrap();
    for report in ["report.html", "report.svg"] {
        let ended = sandbox.run(&["verify", name, "--report", report]);
        assert_eq!(ended.code, 4, "{ended:?}");
        let text = fs::read_to_string(sandbox.path(report)).unwrap();
        is_well_formed(&text);
        is_self_contained(&text.replace("&lt;img src=x", ""));
        assert!(!text.contains("<script") && !text.contains("<img") && !text.contains("<i>"));
        assert!(text.contains("&lt;i&gt;&amp;amp;.stride"), "{report}: {text}");
        if report == "report.html" {
            let value = "&lt;/td&gt;&lt;/svg&gt;&lt;script&gt;alert(3)&lt;/script&gt;";
            assert!(text.contains(value), "{text}");
            assert!(text.contains("&lt;img src=x onerror=&#39;alert(2)&#39;&gt;"), "{text}");
            // The least value, as far as there is room for it.
            assert!(
                text.contains("\"min\">&lt;/td&gt;&lt;/svg&gt;&lt;script&gt;alert...<"),
                "{text}"
            );
        }
    }
}

#[test]
fn each_field_has_its_statistics_and_numbers_a_histogram() {
    let sandbox = damaged_ticks(161, |slots| slots[160 * STRIDE] ^= 1);
    let page = report_of(&sandbox, "report.html");
    assert!(page.contains("Of 160 records; 1 damaged slot left out."), "{page}");
    let row = page.split("<tr>").find(|row| row.contains("data-name=\"field\">price<")).unwrap();
    for (name, value) in [("count", "160"), ("null", "0"), ("min", "0.00"), ("max", "1.59")] {
        assert!(row.contains(&format!("data-name=\"{name}\">{value}</td>")), "{name}: {row}");
    }
    assert!(row.contains("data-name=\"mean\">0.795</td>"), "{row}");
    assert_eq!(row.matches("<path class=\"bar\"").count(), 16, "{row}");
    assert!(row.contains("<title>0.00 to 0.09: 10 values</title>"), "{row}");
    assert!(page.contains("data-name=\"max\">S99</td>"), "{page}");
}

#[test]
fn a_picture_is_the_map_alone() {
    let picture = report_of(&rotten_ticks(), "map.svg");
    is_well_formed(&picture);
    is_self_contained(&picture);
    assert!(picture.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{picture}");
    assert!(picture.contains(">ticks.stride: damaged</text>"), "{picture}");
    assert!(picture.contains("<title>slot 7: damaged</title>"), "{picture}");
    assert!(picture.contains("all damaged or missing: 131 cells"), "{picture}");
    assert!(!picture.contains("over half damaged"), "{picture}");
    // Two more states are defined than are drawn.
    assert_eq!(picture.matches("href=\"#c-all\"").count(), 132);
}

#[test]
fn a_document_is_what_json_prints() {
    let sandbox = rotten_ticks();
    let document = report_of(&sandbox, "report.json");
    let printed = sandbox.run(&["verify", "ticks.stride", "--json"]);
    assert_eq!(document, printed.stdout);
}

#[test]
fn a_sound_store_has_a_report_too() {
    let sandbox = Sandbox::with_ticks(3);
    let page = report_of(&sandbox, "report.html");
    is_well_formed(&page);
    assert!(page.contains("<p class=\"verdict good\">sound</p>"), "{page}");
    assert!(page.contains("<p>Nothing is wrong.</p>"), "{page}");
    assert!(!page.contains("Next:") && !page.contains("<h2>Records that"), "{page}");
    let empty = Sandbox::with_ticks(0);
    is_well_formed(&report_of(&empty, "report.html"));
    is_well_formed(&report_of(&empty, "report.svg"));
}

#[test]
fn a_store_of_which_little_is_left_has_a_report() {
    let sandbox = Sandbox::with_ticks(100);
    for offset in [4096 + 20, 8192 + 20, 16384 + 10] {
        sandbox.flip(offset);
    }
    let page = report_of(&sandbox, "report.html");
    is_well_formed(&page);
    assert!(page.contains("<p>No slots are known.</p>"), "{page}");
    assert!(page.contains("<code>stridedb repair ticks.stride</code>"), "{page}");
    // A file that was cut, without a schema.
    let sandbox = Sandbox::with_ticks(100);
    let cut = sandbox.slot_offset(50) + 5;
    let mut bytes = fs::read(sandbox.path("ticks.stride")).unwrap();
    bytes[16384 + 10] ^= 1;
    bytes.truncate(cut);
    fs::write(sandbox.path("ticks.stride"), bytes).unwrap();
    let page = report_of(&sandbox, "report.html");
    is_well_formed(&page);
    assert!(page.contains("<h3>missing: 50 slots in 1 finding</h3>"), "{page}");
    assert!(page.contains("<p>There are no statistics: "), "{page}");
}

#[test]
fn nonsense_is_refused_before_anything_is_done() {
    let sandbox = Sandbox::with_ticks(3);
    sandbox.write("taken.html", "a letter");
    let cases: [(i32, &[&str]); 6] = [
        (16, &["ticks.stride", "--report", "report.pdf"]),
        (16, &["ticks.stride", "--report", "report"]),
        (16, &["ticks.stride", "ticks.stride", "--report", "report.html"]),
        (16, &["ticks.stride", "--quick", "--report", "report.html"]),
        (8, &["ticks.stride", "--report", "taken.html"]),
        (8, &["ticks.stride", "--report", "no/where.html"]),
    ];
    for (code, arguments) in cases {
        let ended = sandbox.run(&[&["verify"], arguments].concat());
        assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains("error: "), "{arguments:?}: {ended:?}");
    }
    assert_eq!(fs::read_to_string(sandbox.path("taken.html")).unwrap(), "a letter");
    let missing = sandbox.run(&["verify", "missing.stride", "--report", "report.html"]);
    assert_eq!(missing.code, 8, "{missing:?}");
    let count = fs::read_dir(sandbox.path(".")).unwrap().count();
    assert_eq!(count, 4, "no report, and nothing that would have become one");
}

#[test]
fn a_report_is_written_beside_a_quiet_verification() {
    let sandbox = Sandbox::with_ticks(3);
    let ended = sandbox.run(&["verify", "-q", "ticks.stride", "--report", "REPORT.HTML"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    assert!(sandbox.path("REPORT.HTML").exists());
}
