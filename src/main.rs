//! Which face: the command line. PID 1 and the kernel's module helper come with the live system.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    calco::cli::main()
}
