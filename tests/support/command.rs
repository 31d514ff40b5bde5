//! Running the program and the tools of the system.

use serde_json::Value;
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What a run of the program came to.
pub(crate) struct Run {
    pub(crate) words: String,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    fn new(words: String, output: Output) -> Self {
        Self {
            words,
            // Ended by a signal: no exit code of the contract.
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails unless the exit code is this one.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        let Self { words, stdout, stderr, .. } = &self;
        assert_eq!(self.code, code, "calco {words}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
        assert!(!stderr.contains("panicked"), "calco {words}\n{stderr}");
        self
    }

    /// The JSON document on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("calco {}: {error}\n{}", self.words, self.stdout))
    }
}

/// The program, in English, with nobody to ask.
pub(crate) fn calco_command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_calco"));
    command.env("LC_ALL", "C").env("LANGUAGE", "en").stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn calco(words: &[&str]) -> Run {
    let output = calco_command().args(words).output().unwrap();
    Run::new(words.join(" "), output)
}

/// Waits for a program that was started with its outputs piped.
pub(crate) fn finish(words: &str, child: std::process::Child) -> Run {
    Run::new(words.to_owned(), child.wait_with_output().unwrap())
}

/// A tool of the system; those of administrators are found too.
pub(crate) fn tool_command(program: &str) -> Command {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(program);
    command.env("PATH", path).env("LC_ALL", "C.UTF-8").env("MTOOLS_SKIP_CHECK", "1");
    command.stdin(Stdio::null());
    command
}

/// Runs a tool; answers its exit code and everything it printed.
pub(crate) fn try_tool<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> (i32, String) {
    let output = tool_command(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program} has to be installed for this test: {error}"));
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text += &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), text)
}

/// Runs a tool that has to succeed; answers what it printed on standard output.
#[track_caller]
pub(crate) fn tool<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> String {
    let output = tool_command(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program} has to be installed for this test: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    let words: Vec<_> = arguments.iter().map(|word| word.as_ref().to_string_lossy()).collect();
    assert!(output.status.success(), "{program} {words:?} failed:\n{text}\n{errors}");
    text
}

/// Runs a tool that reads `input` and has to succeed.
#[track_caller]
pub(crate) fn tool_with_input(program: &str, arguments: &[&str], input: &str) -> String {
    let mut child = tool_command(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} has to be installed for this test: {error}"));
    // A tool that ends early says why itself.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program} {arguments:?} failed:\n{text}\n{errors}");
    text
}

/// Says that a test could not be done here: past the test harness, which hides what passes.
pub(crate) fn skipped(why: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "SKIPPED: {name}: {why}");
}

/// Whether the tests may use loop devices and mounts.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether all of these tools are there; says so when they are not.
pub(crate) fn has_tools(programs: &[&str]) -> bool {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let is_there =
        |program: &&str| path.split(':').any(|folder| Path::new(folder).join(program).exists());
    let missing: Vec<&str> = programs.iter().copied().filter(|p| !is_there(p)).collect();
    if !missing.is_empty() {
        skipped(&format!("{} not installed", missing.join(", ")));
    }
    missing.is_empty()
}

/// The text of a path.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("paths of tests are text")
}
