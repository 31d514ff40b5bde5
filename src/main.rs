//! Which face: PID 1 of the live system and the processes it starts, the kernel's module helper,
//! or the command line.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    match calco::init::Face::of_this_process() {
        Some(face) => calco::init::run(face),
        None => {
            let machine = calco::init::LiveMachine::of_this_process();
            calco::cli::main_with(machine.as_ref().map(|machine| machine as _))
        }
    }
}
