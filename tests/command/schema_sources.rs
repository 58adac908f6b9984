//! Schemas as source code: what is printed compiles, and means the same.

use std::fs;
use std::process::Command;

use stridedb::Record;
use stridedb::schema::Schema;

use super::Sandbox;

/// What `schema --as rust` prints for `all_types.toml`. To write it anew:
/// `stridedb create a.stride --schema tests/command/all_types.toml` and
/// `stridedb schema a.stride --as rust > tests/command/generated.rs`.
#[expect(unreachable_pub, reason = "it stands here as it is printed, for the top of a file")]
mod generated {
    include!("generated.rs");
}

fn store_of_all_types() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("all.toml", include_str!("all_types.toml"));
    sandbox.stdout_of(&["create", "all.stride", "--schema", "all.toml", "--quiet"]);
    sandbox
}

#[test]
fn rust_is_printed_as_it_was_compiled_here() {
    let text = store_of_all_types().stdout_of(&["schema", "all.stride", "--as", "rust"]);
    assert_eq!(text, include_str!("generated.rs"));
}

#[test]
fn rust_has_the_schema_of_the_store() {
    let text = store_of_all_types().stdout_of(&["schema", "all.stride", "--as", "json"]);
    let stored = Schema::from_json(text.trim_end().as_bytes()).unwrap();
    let differences = stored.differences(&generated::Everything::schema());
    assert!(differences.is_empty(), "{differences:?}");
}

#[test]
fn toml_and_json_create_the_same_store_again() {
    let sandbox = store_of_all_types();
    let json = sandbox.stdout_of(&["schema", "all.stride", "--as", "json"]);
    for format in ["toml", "json"] {
        let (schema, store) = (format!("again.{format}"), format!("{format}.stride"));
        sandbox.write(&schema, &sandbox.stdout_of(&["schema", "all.stride", "--as", format]));
        sandbox.stdout_of(&["create", &store, "--schema", &schema, "-q"]);
        assert_eq!(sandbox.stdout_of(&["schema", &store, "--as", "json"]), json, "{format}");
    }
}

#[test]
fn names_that_are_no_identifiers_are_confessed() {
    let sandbox = Sandbox::new();
    let fields = "[[fields]]\nname = \"bid price\"\ntype = \"u8\"\n\
                  [[fields]]\nname = \"self\"\ntype = \"u8\"\n";
    sandbox.write("odd.toml", &format!("name = \"odd name\"\n{fields}"));
    sandbox.stdout_of(&["create", "odd.stride", "--schema", "odd.toml", "-q"]);
    let text = sandbox.stdout_of(&["schema", "odd.stride", "--as", "rust"]);
    assert!(text.contains("// * field `bid_price` is called \"bid price\""), "{text}");
    assert!(text.contains("pub self_: u8"), "{text}");
    assert!(text.contains("pub struct OddName {"), "{text}");
}

#[test]
fn c_compiles_and_its_assertions_hold() {
    let sandbox = store_of_all_types();
    let text = sandbox.stdout_of(&["schema", "all.stride", "--as", "c"]);
    compile_as_c(&sandbox, &text);
}

/// Needs Python with NumPy; says so and passes where there is none.
#[test]
fn numpy_maps_the_file_with_the_printed_line() {
    let has_numpy = Command::new("python3").args(["-c", "import numpy"]).output();
    if !has_numpy.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: there is no `python3` with NumPy");
        return;
    }
    let sandbox = Sandbox::with_ticks(7);
    sandbox.stdout_of(&["delete", "ticks.stride", "2"]);
    let line = sandbox.stdout_of(&["schema", "ticks.stride", "--as", "numpy"]);
    let program = format!("{line}print(len(a), a[\"price\"].sum(), a[\"symbol\"][-1])");
    let output = Command::new("python3")
        .args(["-c", &program])
        .current_dir(sandbox.directory.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "6 19 b'S6'\n", "{stderr}");
    let all = store_of_all_types();
    let line = all.stdout_of(&["schema", "all.stride", "--as", "numpy"]);
    // An empty file cannot be mapped, but its type can be made.
    let program = line
        .replace("np.memmap(\"all.stride\", mode=\"r\", ", "np.zeros(")
        .replace(", offset=", ", shape=1) #");
    let output = Command::new("python3").args(["-c", &program]).output().unwrap();
    assert!(output.status.success(), "{program}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// A store whose names are no identifiers, or become the same one.
fn store_of_odd_names() -> Sandbox {
    let sandbox = Sandbox::new();
    let field = |name: &str, ty: &str| format!("[[fields]]\nname = \"{name}\"\ntype = \"{ty}\"\n");
    let fields = [
        field("a.b", "u8"),
        field("a_b", "u8"),
        field("a b", "u8"),
        field("linux", "u8") + "doc = \"\\u001b[2J\\u0007\\u202e\"\n",
        field("slot", "record") + "[[fields.fields]]\nname = \"x\"\ntype = \"u8\"\n",
        field("self", "enum<u8>") + "labels = { \"a b\" = 0, a_b = 1, \"a-b\" = 2 }\n",
    ];
    sandbox.write("odd.toml", &format!("name = \"s\"\n{}", fields.concat()));
    sandbox.stdout_of(&["create", "odd.stride", "--schema", "odd.toml", "-q"]);
    sandbox
}

#[test]
fn names_that_become_one_identifier_are_numbered() {
    let text = store_of_odd_names().stdout_of(&["schema", "odd.stride", "--as", "rust"]);
    for expected in [
        "pub a_b_2: u8,",
        "pub a_b: u8,",
        "pub a_b_3: u8,",
        "    a_b_2 = 0,\n    a_b = 1,\n    a_b_3 = 2,\n",
        "pub enum Self_ {",
    ] {
        assert_eq!(text.matches(expected).count(), 1, "{expected}: {text}");
    }
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
}

#[test]
fn odd_names_compile_in_c() {
    let sandbox = store_of_odd_names();
    let text = sandbox.stdout_of(&["schema", "odd.stride", "--as", "c"]);
    compile_as_c(&sandbox, &text);
}

/// Needs a C compiler; says so and passes where there is none.
fn compile_as_c(sandbox: &Sandbox, text: &str) {
    fs::write(sandbox.path("all.h"), text).unwrap();
    let compiler = Command::new("cc")
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c", "all.h"])
        .current_dir(sandbox.directory.path())
        .output();
    let Ok(output) = compiler else {
        eprintln!("skipped: there is no `cc`");
        return;
    };
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
}
