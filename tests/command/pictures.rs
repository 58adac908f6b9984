//! The pictures in the documentation, made of what the command prints: `docs/testing.md` says how.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Ended, Sandbox};

const FLIGHTS: &str = include_str!("../data/flights-3000.csv");
/// Records of this schema make slots of 56 bytes, behind 20 KiB.
const STRIDE: usize = 56;
const DATA_START: usize = 20 << 10;
const PAGE: usize = 4096;
/// Sections of a report that have pictures of their own, with the sizes of these.
const PARTS: &[(&str, (u32, u32))] = &[("records", (800, 660)), ("fields", (880, 880))];

/// Needs Chromium, which `CHROMIUM` names.
#[test]
#[ignore = "writes the pictures in docs; needs Chromium"]
fn pictures_for_the_documentation() {
    let sandbox = damaged_flights();
    let terminal = terminal(&sandbox, &["map", "flights.stride", "--color", "always"]);
    sandbox.write("terminal.html", &terminal);
    take(&sandbox, "terminal.html", "map.png", (720, 420));
    let report = ["verify", "flights.stride", "--report", "report.html"];
    assert_eq!(sandbox.run(&report).code, 4);
    take(&sandbox, "report.html", "report.png", (800, 1000));
    let page = fs::read_to_string(sandbox.path("report.html")).unwrap();
    for &(section, size) in PARTS {
        sandbox.write("part.html", &alone(&page, section));
        take(&sandbox, "part.html", &format!("report-{section}.png"), size);
    }
}

/// The page without its other sections.
fn alone(page: &str, section: &str) -> String {
    let others: Vec<_> = ["where", "found", "records", "fields"]
        .into_iter()
        .filter(|id| *id != section)
        .map(|id| format!("#{id}"))
        .collect();
    let style = format!("{}, header, dl, .next {{ display: none }}", others.join(", "));
    let part = page.replace("</style>\n</head>", &format!("{style}</style>\n</head>"));
    assert_ne!(part, page);
    part
}

/// Flights in which much has happened: removed records, flipped bits, a page that was lost, some
/// that came to the wrong place, others that something wrote over, and a text that is none.
fn damaged_flights() -> Sandbox {
    let sandbox = Sandbox::new();
    let (header, rows) = FLIGHTS.split_once('\n').unwrap();
    sandbox.write("flights.csv", &format!("{header}\n{}", rows.repeat(8)));
    let store = "flights.stride";
    assert_eq!(sandbox.run(&["import", store, "flights.csv"]).code, 0);
    assert_eq!(sandbox.run(&["delete", store, "300..700"]).code, 0);
    let mut bytes = fs::read(sandbox.path(store)).unwrap();
    for (slot, byte, bit) in [(5, 6, 3), (120, 40, 1), (2200, 21, 0), (15_000, 52, 5)] {
        bytes[DATA_START + slot * STRIDE + byte] ^= 1 << bit;
    }
    bytes[40 * PAGE..41 * PAGE].fill(0);
    bytes.copy_within(108 * PAGE..111 * PAGE, 100 * PAGE);
    for (number, byte) in bytes[200 * PAGE..205 * PAGE].iter_mut().enumerate() {
        *byte = (number * number / 7) as u8 & !1;
    }
    super::verify::make_invalid(&mut bytes[DATA_START + 8000 * STRIDE + 8..]);
    fs::write(sandbox.path(store), bytes).unwrap();
    sandbox
}

/// A terminal in which the command was run, as a page.
fn terminal(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let mut command = sandbox.command(arguments);
    let ended = Ended::from(command.env("LC_ALL", "C.UTF-8").output().unwrap());
    let mut screen = format!("$ stridedb {}\n", arguments[..2].join(" "));
    let mut parts = ended.stdout.split("\u{1b}[");
    screen += parts.next().unwrap();
    let mut depth = 0;
    for part in parts {
        let (style, text) = part.split_once('m').unwrap();
        match style {
            "0" => screen += &"</b>".repeat(std::mem::take(&mut depth)),
            style => {
                depth += 1;
                screen += &format!("<b class=\"s{style}\">");
            }
        }
        screen += text;
    }
    format!(
        "<!doctype html><meta charset=\"utf-8\"><style>\
         body {{ margin: 0; padding: 14px; background: #15181c; color: #d7dbe0; }}\
         pre {{ font: 14px/1.3 'DejaVu Sans Mono', monospace; white-space: pre-wrap; margin: 0; }}\
         b {{ font-weight: normal; }} .s1 {{ font-weight: bold; }} .s2 {{ color: #838c96; }}\
         .s31 {{ color: #ff6b60; }} .s32 {{ color: #59c17a; }} .s33 {{ color: #e8c14d; }}\
         </style><pre>{screen}</pre>"
    )
}

/// Photographs a page of the sandbox.
fn take(sandbox: &Sandbox, page: &str, picture: &str, (width, height): (u32, u32)) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    fs::create_dir_all(&directory).unwrap();
    let picture: PathBuf = directory.join(picture);
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
    let ended = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--hide-scrollbars"])
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("--window-size={width},{height}"))
        .arg(format!("file://{}", sandbox.path(page).display()))
        .output()
        .unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let size = fs::metadata(&picture).unwrap().len();
    assert!(size < 200_000, "{} has {size} bytes", picture.display());
}
