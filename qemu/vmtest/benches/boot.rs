//! From the kernel's start to the menu, by the guest's own clock.
//!
//! `cargo bench -p calco-vmtest --bench boot`; `CALCO_ACCELERATOR=tcg` to compare with other
//! machines, whose processors matter less then.

use calco_vmtest::live::{BuiltSystem, ENGLISH, MENU, Menu, Texts};
use calco_vmtest::{Accelerator, Key, Machine};
use std::time::Duration;

const ROUNDS: usize = 5;
/// Of the times in `/proc/PID/stat`, in seconds.
const TICK: f64 = 0.01;

fn main() {
    // Cargo also runs it as a test, to see that it works: once is enough.
    let rounds = if std::env::args().any(|word| word == "--bench") { ROUNDS } else { 1 };
    let Some(built) = BuiltSystem::find("boot") else { return };
    let texts = Texts::english();
    let mut times: Vec<f64> = (0..rounds).map(|_| time_to_menu(&built, &texts)).collect();
    times.sort_by(f64::total_cmp);
    let words: Vec<String> = times.iter().map(|time| format!("{time:.2}")).collect();
    println!(
        "kernel start to menu, {:?}, seconds of the guest: median {:.2} of {}",
        Accelerator::best(),
        times[times.len() / 2],
        words.join(" ")
    );
}

/// When the process of the menu was started (`starttime` of proc_pid_stat(5)), in seconds.
fn time_to_menu(built: &BuiltSystem, texts: &Texts) -> f64 {
    let machine = Machine::new("boot").boot(built.boot_kernel(ENGLISH));
    let mut guest = machine.start();
    guest.wait_for(texts.get("menu-welcome"), MENU);
    Menu { guest: &mut guest, texts }.choose("menu-shell");
    let begin = guest.output().len();
    // The mark is not in what is typed, which the terminal may echo more than once.
    guest.type_text("echo ticks-$((40 + 2))=$(cut -d' ' -f22 /proc/$PPID/stat)");
    guest.press(Key::Enter);
    guest.wait_for_output("ticks-42=", Duration::from_secs(60));
    guest.wait_for_output("\n", Duration::from_secs(60));
    let output = guest.output();
    let answer = output[begin..].rsplit("ticks-42=").next().unwrap_or_default();
    let digits: String = answer.chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<f64>().unwrap_or_else(|_| panic!("no time in {answer:?}")) * TICK
}
