//! Real screens in both languages: everything fits 80 columns and 24 rows, nothing is cut off.

use super::disks::{self, Look, Seen};
use super::images::Summary;
use super::screen::{Input, List, Position, Reading};
use super::terminal::{Frame, Style, View};
use super::work::Shown;
use super::{describe, main_screen, plans};
use crate::block::device::{Access, Device};
use crate::hardware::Disk;
use crate::hardware::smart::{Health, Verdict};
use crate::operation::survey::survey;
use crate::report::{Silent, Stage};
use crate::text::{Language, message, with_language};
use console::measure_text_width;
use std::process::{Command, Stdio};
use std::sync::Arc;

const VIEW: View = View { columns: 79, rows: 24, drawing: true };
const ASCII: View = View { drawing: false, ..VIEW };

fn text(frame: &Frame) -> String {
    frame.lines.iter().map(|line| format!("{}\n", line.text.trim_end())).collect()
}

#[track_caller]
fn assert_sound(frame: &Frame) -> String {
    let text = text(frame);
    assert_eq!(frame.lines.len(), 24, "{text}");
    for line in &frame.lines {
        let width = measure_text_width(&line.text);
        assert!(width <= 79, "{:?}", line.text);
        assert!(width < 79 || !line.text.ends_with('…'), "cut off: {:?}", line.text);
    }
    text
}

fn list_text<T>(list: &List<T>, view: View) -> String {
    assert_sound(&list.frame(&mut Position::default(), view))
}

/// A disk of two partitions as sfdisk makes it, or none where it is not installed.
fn partitioned() -> Option<tempfile::NamedTempFile> {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(64 << 20).unwrap();
    let mut sfdisk = Command::new("sfdisk")
        .args(["--quiet", "--no-reread"])
        .arg(file.path())
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .stdin(Stdio::piped())
        .spawn()
        .ok()?;
    use std::io::Write as _;
    sfdisk.stdin.take()?.write_all(b"label: gpt\n,8M\n,30M\n").ok()?;
    sfdisk.wait().ok()?.success().then_some(file)
}

pub(super) fn seen(look: Look, failing: bool) -> Seen {
    let verdict = if failing { Verdict::Failing } else { Verdict::Good };
    Seen {
        disk: Disk {
            kernel_name: "sda".into(),
            path: "/dev/sda".into(),
            bus: crate::hardware::Bus::Ata,
            vendor: None,
            model: Some("Samsung SSD 870 EVO 500GB with a name longer than any".into()),
            serial: Some("S5Y1NG0N123456".into()),
            wwn: None,
            size: 500_107_862_016,
            logical_sector_size: 512,
            physical_sector_size: 4096,
            rotational: false,
            removable: false,
            internal: true,
            read_only: false,
            sequence: Some(1),
            transport_path: None,
            names: vec!["ata-Samsung_SSD_870_EVO_500GB_S5Y1NG0N123456".into()],
            partitions: Vec::new(),
            health: Health { verdict, ..Health::default() },
        },
        look,
        blocked: failing.then(|| message!("menu-disk-holds-image").to_string()),
    }
}

#[test]
fn the_first_screen_fits_and_offers_what_there_is() {
    for language in Language::ALL {
        with_language(language, || {
            for (live, expert) in [(false, false), (false, true), (true, false), (true, true)] {
                let list = main_screen(live, expert);
                let shown = list_text(&list, VIEW);
                for choice in &list.choices {
                    assert!(shown.contains(&choice.label), "{}\n{shown}", choice.label);
                }
                let shell = message!("menu-shell").to_string();
                assert_eq!(shown.contains(&shell), live);
                assert!(!list.back);
            }
        });
    }
}

#[test]
fn disks_are_shown_with_their_contents_and_what_is_wrong_with_them() {
    let Some(file) = partitioned() else {
        println!("SKIPPED: sfdisk is not installed");
        return;
    };
    let device = Device::open(file.path(), Access::Look).unwrap();
    let survey = Arc::new(survey(&[&device], &Silent).unwrap().pop().unwrap());
    for language in Language::ALL {
        with_language(language, || {
            let all = [
                seen(Look::Done(survey.clone()), false),
                seen(Look::Done(survey.clone()), true),
                seen(Look::Pending, false),
                seen(Look::Failed(message!("block-open-failed")), false),
            ];
            let (title, words) = (message!("menu-save-disks"), message!("menu-save-disks-text"));
            let hidden = [message!("ui-no-disks").to_string()];
            let mut list = disks::list(&title, &words, &all, &hidden, true, VIEW);
            list.many = true;
            let shown = list_text(&list, VIEW);
            assert!(shown.contains("S5Y1NG0N123456") && shown.contains('█'), "{shown}");
            assert!(shown.contains(&hidden[0]), "{shown}");
            // The drawing is one line, below names with number and mark.
            assert!(shown.lines().any(|line| line.trim().matches('│').count() == 4), "{shown}");
            let mut position = Position::default();
            position.cursor = 1;
            let shown = assert_sound(&list.frame(&mut position, VIEW));
            let shown: String = shown.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(shown.contains(&message!("ui-disk-failing").to_string()), "{shown}");
            assert!(shown.contains(&message!("menu-disk-holds-image").to_string()), "{shown}");
            let ascii = list_text(&disks::list(&title, &words, &all, &[], false, ASCII), ASCII);
            assert!(ascii.contains("|#") || ascii.contains("| "), "{ascii}");
            assert!(!ascii.contains(['█', '░', '│', '─']), "{ascii}");

            let mut reading = Reading::new("sda", plans::disk(&all[1], VIEW));
            assert_sound(&reading.frame(VIEW));
        });
    }
}

#[test]
fn a_bar_is_to_scale_and_in_one_line() {
    let Some(file) = partitioned() else {
        println!("SKIPPED: sfdisk is not installed");
        return;
    };
    let device = Device::open(file.path(), Access::Look).unwrap();
    let survey = survey(&[&device], &Silent).unwrap().pop().unwrap();
    for view in [VIEW, ASCII, View { columns: 40, ..VIEW }] {
        let bar = with_language(Language::English, || describe::bar(&survey, view));
        assert!(measure_text_width(&bar) <= view.columns - 9, "{bar}");
        let edge = if view.drawing { '│' } else { '|' };
        let widths: Vec<usize> = bar.split(edge).map(measure_text_width).collect();
        // Nothing, 8 MiB, 30 MiB, what is left, nothing.
        assert_eq!(widths.len(), 5, "{bar}");
        assert!(widths[1] * 3 <= widths[2] && widths[1] * 5 >= widths[2], "{bar}");
    }
    let blank = crate::block::memory::MemoryDisk::new(vec![0; 1 << 20]);
    let survey = crate::operation::survey::survey(&[&blank], &Silent).unwrap().pop().unwrap();
    assert_eq!(describe::bar(&survey, VIEW), "");
}

#[test]
fn progress_fits_whatever_happens() {
    for language in Language::ALL {
        with_language(language, || {
            let mut shown = Shown {
                title: message!("menu-saving", name = "x".repeat(120)).to_string(),
                about: vec![message!("menu-save-about", to = "y".repeat(200)).to_string()],
                past: vec![Stage::Survey, Stage::Precheck],
                stage: Some(Stage::Restore),
                done: 3 << 30,
                total: 480 << 30,
                seconds: Some(4000),
                notes: (0..40).map(|number| format!("note {number} {}", "z".repeat(90))).collect(),
                keys: message!("menu-keys-stop").to_string(),
                stopping: false,
            };
            let frame = shown.frame(VIEW);
            assert_eq!(frame.lines.len(), 24);
            assert!(frame.lines.iter().all(|line| measure_text_width(&line.text) <= 79));
            let screen = text(&frame);
            assert!(screen.contains("3.00 GiB") && screen.contains("note 39"), "{screen}");
            shown.title = "Calco".into();
            shown.notes.clear();
            shown.seconds = None;
            assert_sound(&shown.frame(ASCII));
            shown.total = 0;
            shown.stopping = true;
            assert!(
                assert_sound(&shown.frame(VIEW)).contains(&message!("menu-stopping").to_string())
            );
        });
    }
}

#[test]
fn the_last_question_of_a_restore_fits() {
    for language in Language::ALL {
        with_language(language, || {
            let target = "/dev/nvme0n1, Samsung SSD 980 PRO 1TB, S5GXNX0T123456";
            let question = message!("ui-restore-confirm", target = target, word = "nvme0n1");
            let mut input = Input::new(message!("menu-restore-confirm"), question, "")
                .warning(message!("menu-restore-confirm-text"));
            input.problem =
                Some(message!("menu-restore-confirm-wrong", word = "nvme0n1").to_string());
            let shown = assert_sound(&input.frame(VIEW));
            assert!(shown.contains("nvme0n1") && shown.contains("Esc"), "{shown}");
        });
    }
}

#[test]
fn what_is_missing_stands_before_what_went_well() {
    for language in Language::ALL {
        with_language(language, || {
            let summary = Summary {
                title: message!("menu-saved-part"),
                warnings: vec![message!("save-unreadable", size = "1 MiB")],
                text: format!("facts\n{}\n", message!("ui-save-verified-part")),
                command: "calco save".to_owned(),
            };
            let list = summary.list(true);
            let shown = list_text(&list, VIEW);
            assert!(shown.find("1 MiB").unwrap() < shown.find("facts").unwrap(), "{shown}");
            assert_eq!(list.text[0].style, Style::Warning);
            assert!(!shown.contains(&message!("menu-saved").to_string()), "{shown}");
        });
    }
}
