//! Goes all ways to save, restore and boot a real system, row by row: rows that were done for this
//! commit are not done again. The table is written to docs/testing.md.
//!
//! `cargo run -p calco-vmtest --bin matrix [PART-OF-A-NAME…]`

use calco_vmtest::live::{BuiltSystem, Row};
use calco_vmtest::project_folder;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

const BEGIN: &str = "<!-- matrix: written by qemu/vmtest/src/bin/matrix.rs -->";
const END: &str = "<!-- end of the matrix -->";

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let Some(built) = BuiltSystem::find("matrix") else { return ExitCode::FAILURE };
    let commit = commit();
    let file = project_folder().join("cache/matrix.jsonl");
    for row in Row::all() {
        let name = row.name();
        let chosen = wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
        if !chosen || results(&file).iter().any(|done| is_done(done, &name, &commit)) {
            continue;
        }
        eprintln!("{name} …");
        let begun = Instant::now();
        let passed = std::panic::catch_unwind(|| row.run(&built)).is_ok();
        let result = json!({
            "row": name, "system": row.system.name(), "medium": row.medium.name(),
            "way": row.way.name(), "destination": row.destination.name(), "commit": commit, "passed": passed,
            "seconds": begun.elapsed().as_secs(),
        });
        eprintln!("{result}");
        append(&file, &result);
    }
    let results = results(&file);
    write_table(&project_folder().join("docs/testing.md"), &table(&results));
    let failed = Row::all().iter().any(|row| {
        let last = results.iter().rev().find(|result| result["row"] == row.name().as_str());
        last.is_none_or(|last| last["passed"] != true || last["commit"] != commit.as_str())
    });
    if failed && wanted.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn is_done(result: &Value, row: &str, commit: &str) -> bool {
    result["row"] == row && result["commit"] == commit && result["passed"] == true
}

/// The commit, with a mark where the work tree differs from it.
fn commit() -> String {
    let output = Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=12"])
        .current_dir(project_folder())
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "no commit".to_owned())
}

fn results(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn append(file: &PathBuf, result: &Value) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
    writeln!(file, "{result}").unwrap();
}

/// The last result of each row.
fn table(results: &[Value]) -> String {
    let mut table =
        "| system | from | by | image on | result | seconds | commit |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    for row in Row::all() {
        let last = results.iter().rev().find(|result| result["row"] == row.name().as_str());
        let (result, seconds, commit) = match last {
            None => ("not run", String::new(), String::new()),
            Some(last) => (
                if last["passed"] == true { "boots" } else { "FAILED" },
                last["seconds"].to_string(),
                last["commit"].as_str().unwrap_or_default().to_owned(),
            ),
        };
        let (system, medium, way) = (row.system.name(), row.medium.name(), row.way.name());
        let place = row.destination.name();
        table += &format!(
            "| {system} | {medium} | {way} | {place} | {result} | {seconds} | {commit} |\n"
        );
    }
    table
}

/// Puts the table between its marks; at the end where there are none.
fn write_table(file: &Path, table: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    let block = format!("{BEGIN}\n{table}{END}");
    let text = match (text.find(BEGIN), text.find(END)) {
        (Some(begin), Some(end)) if begin < end => {
            format!("{}{block}{}", &text[..begin], &text[end + END.len()..])
        }
        _ => format!("{text}\n{block}\n"),
    };
    std::fs::write(file, text).unwrap();
}
