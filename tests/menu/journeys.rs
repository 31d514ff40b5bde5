use super::support::command::{text, tool};
use super::support::disk::{assert_same, blank, garbage, sfdisk, write};
use super::support::loops::{Loop, Mount};
use super::support::{MIB, disk::Noise};
use super::terminal::{CTRL_C, DOWN, END, ENTER, ESCAPE, Menu, UP};
use std::path::{Path, PathBuf};

const SIZE: u64 = 32 * MIB;

/// A small disk with two partitions that nobody can read, and a target full of garbage.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        let source = files.path("source.img");
        blank(&source, SIZE);
        sfdisk(&source, "label: gpt\n,8M\n,8M\n");
        write(&source, 2 * MIB, &Noise::new(7).bytes(3 * MIB as usize));
        garbage(&files.path("target.img"), SIZE, 9);
        std::fs::create_dir(files.path("images")).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Chooses the last entry of a list, where a path can be typed, and types it.
fn type_path(menu: &mut Menu, path: &Path, prompt: &str) {
    menu.send(END);
    menu.send(ENTER);
    menu.expect(prompt);
    menu.line(text(path));
}

#[test]
fn a_disk_is_saved_and_restored_through_the_menu() {
    let files = Files::new();
    let mut menu = Menu::start("vt102", "en");
    menu.expect("Quit");
    menu.line("8");
    menu.expect("Expert mode: on");

    menu.line("1");
    menu.expect("Save: which disk?");
    type_path(&mut menu, &files.path("source.img"), "Path of a device");
    menu.expect("Save: where to?");
    choose_folder(&mut menu, &files.path("images"));
    menu.expect("Save: name of the image");
    menu.line("-office");
    menu.expect("Save: who can get at the image?");
    // Arrows as a line of 9600 baud delivers them: down, and back up.
    menu.send_slowly(DOWN);
    menu.expect("> 2 Yes, that may happen");
    menu.send_slowly(UP);
    menu.expect("> 1 No, it stays in safe hands");
    menu.send(ENTER);
    menu.expect("Compression: auto");
    menu.send(ENTER);
    let plan = menu.expect("Start saving now");
    assert!(plan.contains("source.img"), "{plan}");
    menu.send(ENTER);
    let summary = menu.expect("The disk is saved");
    assert!(summary.contains("calco save "), "{summary}");
    menu.send(ENTER);
    menu.expect("Quit");

    menu.line("2");
    menu.expect("Restore: where is the image?");
    choose_folder(&mut menu, &files.path("images"));
    menu.expect("Restore: which image?");
    menu.send(ENTER);
    menu.expect("Check the image before anything is written: yes");
    menu.send(ENTER);
    menu.expect("Restore: to which disk?");
    type_path(&mut menu, &files.path("target.img"), "Path of a device");
    let plan = menu.expect("Restore: this will happen");
    assert!(plan.contains("EVERYTHING ON IT WILL BE LOST"), "{plan}");
    // Enter alone goes back.
    assert!(plan.contains("> 1 Go back"), "{plan}");
    menu.send(DOWN);
    menu.expect("> 2 Go on to the last question");
    menu.send(ENTER);
    menu.expect("Restore: the last question");
    menu.line("yes");
    menu.expect("Nothing was changed so far");
    menu.send(&[0x7f; 3]);
    menu.line("target.img");
    let summary = menu.expect("The image is restored");
    assert!(summary.contains("calco restore "), "{summary}");
    menu.send(ENTER);
    menu.expect("Quit");
    menu.line("9");
    assert_eq!(menu.end(), 0);
    assert_same("the disk", &files.path("source.img"), &files.path("target.img"), 2 * MIB, 8 * MIB);
}

#[test]
fn escape_leads_back_from_everywhere_and_does_nothing_else() {
    let files = Files::new();
    let mut menu = Menu::start("linux", "en");
    menu.expect("> 1 Save disks");
    // On the main menu there is nothing to go back to.
    menu.send(ESCAPE);
    menu.send_slowly(b"\x1b\x1b");
    // A key that follows at once would belong to it.
    std::thread::sleep(std::time::Duration::from_millis(300));
    menu.line("8");
    menu.expect("Expert mode: on");
    menu.line("1");
    menu.expect("Save: which disk?");
    type_path(&mut menu, &files.path("source.img"), "Path of a device");
    menu.expect("Save: where to?");
    choose_folder(&mut menu, &files.path("images"));
    menu.expect("Save: name of the image");
    menu.send(ENTER);
    menu.expect("Save: who can get at the image?");
    menu.line("2");
    menu.expect("cannot encrypt");
    menu.send(ENTER);
    menu.expect("Save: name of the image");
    menu.send(ENTER);
    menu.expect("Save: who can get at the image?");
    menu.send(ENTER);
    menu.expect("Compression: auto");
    menu.line("4");
    menu.expect("none, fast, auto");
    menu.line("matic");
    menu.expect("automatic");
    menu.send(ESCAPE);
    menu.expect("Compression: auto");
    menu.send(ENTER);
    menu.expect("Start saving now");
    for text in [
        "Compression: auto",
        "Save: who can get at the image?",
        "Save: name of the image",
        "Save: where to?",
        "Save: which disk?",
        "> 1 Save disks",
    ] {
        menu.send(ESCAPE);
        menu.expect(text);
    }
    assert_eq!(std::fs::read_dir(files.path("images")).unwrap().count(), 0);
    for (entry, title) in [
        ("2", "Restore: where is the image?"),
        ("3", "Verify: where is the image?"),
        ("4", "Enter shows everything"),
        ("5", "Images: where?"),
        ("6", "Español"),
        ("7", "What Calco did"),
    ] {
        menu.line(entry);
        menu.expect(title);
        menu.send(ESCAPE);
        menu.expect("Quit");
    }
    menu.line("9");
    assert_eq!(menu.end(), 0);
}

#[test]
fn a_dumb_terminal_is_enough_and_speaks_spanish() {
    let files = Files::new();
    let mut menu = Menu::start("dumb", "es");
    menu.expect("9) Salir");
    menu.line("8");
    menu.expect("Modo experto: activado");
    menu.line("1");
    let disks = menu.expect("Guardar: ¿qué disco?");
    menu.expect("0 para volver");
    let path = entry_number(&disks, "escribir su ruta");
    menu.line(&path);
    menu.expect("Ruta de un dispositivo");
    menu.line(text(&files.path("nothing.img")));
    menu.expect("nothing.img");
    menu.line(text(&files.path("source.img")));
    let places = menu.expect("Guardar: ¿dónde?");
    menu.expect("0 para volver");
    menu.line(&entry_number(&places, "de este sistema"));
    menu.expect("Carpeta de las imágenes");
    menu.line(text(&files.path("images")));
    menu.expect("Intro sin más acepta");
    menu.line("oficina");
    menu.expect("¿quién puede llegar a la imagen?");
    menu.line("1");
    menu.expect("Compresión: auto");
    menu.line("1");
    menu.expect("Empezar a guardar ahora");
    menu.line("1");
    let summary = menu.expect("El disco está guardado");
    assert!(!summary.contains('\x1b'), "{summary:?}");
    menu.expect("Número e Intro");
    menu.line("1");
    menu.expect("9) Salir");

    menu.line("5");
    let places = menu.expect("Imágenes: ¿dónde?");
    menu.expect("0 para volver");
    menu.line(&entry_number(&places, "de este sistema"));
    menu.expect("Carpeta de las imágenes");
    menu.line(text(&files.path("images")));
    menu.expect("1) oficina");
    menu.line("1");
    menu.expect("3) Borrarla");
    menu.line("3");
    menu.expect("Un solo punto vuelve atrás");
    menu.line("si");
    menu.expect("Hasta ahora no se cambió nada");
    menu.line("oficina");
    menu.expect("Intro para seguir");
    menu.send(ENTER);
    menu.expect("Aquí no hay imágenes");
    menu.line("0");
    menu.expect("Imágenes: ¿dónde?");
    menu.line("0");
    menu.expect("9) Salir");
    menu.line("9");
    assert_eq!(menu.end(), 0);
    assert_eq!(std::fs::read_dir(files.path("images")).unwrap().count(), 0);
}

/// The number of the entry that contains `text` in a printed list.
fn entry_number(list: &str, text: &str) -> String {
    let line = list.lines().find(|line| line.contains(") ") && line.contains(text));
    let line = line.unwrap_or_else(|| panic!("no {text} in:\n{list}"));
    line.split(')').next().unwrap().trim().to_owned()
}

/// Chooses the last entry of the list of places, a folder, and types its path.
fn choose_folder(menu: &mut Menu, path: &Path) {
    type_path(menu, path, "Folder of the images:");
}

#[test]
fn ctrl_c_asks_before_a_job_is_stopped_and_other_consoles_see_the_job() {
    let files = Files::new();
    // Long enough to be stopped.
    garbage(&files.path("source.img"), 1536 * MIB, 3);
    let mut menu = Menu::start("vt100", "en");
    menu.line("8");
    menu.expect("Expert mode: on");
    menu.line("1");
    menu.expect("Save: which disk?");
    type_path(&mut menu, &files.path("source.img"), "Path of a device");
    menu.expect("Save: where to?");
    choose_folder(&mut menu, &files.path("images"));
    menu.expect("Save: name of the image");
    menu.send(ENTER);
    menu.expect("Save: who can get at the image?");
    menu.send(ENTER);
    menu.expect("Compression: auto");
    // The slowest: time to look at it.
    menu.line("4");
    menu.expect("none, fast, auto");
    menu.send(&[0x7f; 4]);
    menu.line("19");
    menu.expect("Compression: 19");
    menu.line("1");
    menu.expect("Start saving now");
    menu.send(ENTER);
    menu.expect("Ctrl-C: stop");
    // No key does anything here but that one.
    menu.send(ESCAPE);
    menu.send(b"\rq \x1b[A");

    let mut other = Menu::beside(&menu, "vt100", "es");
    other.expect("Este trabajo se empezó en test");
    other.send(ENTER);
    other.expect("Salir");
    other.line("1");
    other.expect("Este trabajo se empezó en test");
    other.send(ENTER);
    other.expect("Salir");
    other.line("9");
    assert_eq!(other.end(), 0);

    menu.send(CTRL_C);
    let question = menu.expect("Stop?");
    assert!(question.contains("> 1 No, go on"), "{question}");
    menu.send(ENTER);
    menu.expect("Ctrl-C: stop");
    menu.send(CTRL_C);
    menu.expect("Stop?");
    menu.send(DOWN);
    menu.expect("> 2 Yes, stop now");
    menu.send(ENTER);
    menu.expect("That did not work");
    menu.expect("Interrupted");
    menu.send(ENTER);
    menu.expect("Quit");
    menu.line("9");
    assert_eq!(menu.end(), 0);
}

#[test]
fn a_menu_ends_when_the_system_asks_it_to() {
    let menu = Menu::start("vt100", "en");
    menu.expect("Quit");
    menu.ask_to_end();
    assert_eq!(menu.end(), 0);
}

#[test]
fn a_folder_of_a_volume_can_be_a_new_one() {
    let files = Files::new();
    let volume = files.path("volume.img");
    blank(&volume, 64 * MIB);
    let label = format!("Menu{:05}", std::process::id() % 100_000);
    tool("mkfs.ext4", &["-q", "-F", "-L", &label, text(&volume)]);
    let Some(device) = Loop::attach(&volume, 512) else { return };
    let mut menu = Menu::start("vt100", "en");
    menu.line("8");
    menu.expect("Expert mode: on");
    menu.line("1");
    menu.expect("Save: which disk?");
    type_path(&mut menu, &files.path("source.img"), "Path of a device");
    menu.expect("Save: where to?");
    // Others may have volumes too.
    for _ in 0..20 {
        if menu.screen().lines().any(|line| line.starts_with('>') && line.contains(&label)) {
            break;
        }
        menu.send(DOWN);
        std::thread::sleep(std::time::Duration::from_millis(400));
    }
    menu.send(ENTER);
    menu.expect("in which folder?");
    menu.line("2");
    menu.expect("Name of the new folder:");
    menu.line("mine");
    menu.expect("Save: name of the image");
    menu.send(&[0x7f; 60]);
    menu.line("first");
    menu.expect("Save: who can get at the image?");
    menu.send(ENTER);
    menu.expect("Compression: auto");
    menu.send(ENTER);
    menu.expect("Start saving now");
    menu.send(ENTER);
    let summary = menu.expect("The disk is saved");
    assert!(summary.contains("/mine"), "{summary}");
    menu.send(ENTER);
    menu.expect("Quit");
    menu.line("9");
    assert_eq!(menu.end(), 0);
    let mount = Mount::new(device.text(), &files.path("mnt"), "ro");
    assert!(mount.path().join("mine/first/manifest.json").is_file());
}

#[test]
fn what_everybody_is_told_is_shown_above_the_keys_for_as_long_as_it_holds() {
    let menu = Menu::start("vt100", "en");
    menu.expect("Quit");
    let folder = menu.runtime().join("calco");
    std::fs::create_dir_all(&folder).unwrap();
    let notice = folder.join("notice.json");
    std::fs::write(&notice, r#"{"id":"unknown","text":"Once more cuts it off."}"#).unwrap();
    let screen = menu.expect("Once more cuts it off.");
    let lines: Vec<&str> = screen.trim_end().lines().collect();
    assert!(lines[lines.len() - 2].contains("Once more"), "{screen}");
    assert!(lines[lines.len() - 1].contains("Enter: choose"), "{screen}");
    std::fs::remove_file(&notice).unwrap();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while menu.screen().contains("Once more") {
        assert!(std::time::Instant::now() < end, "{}", menu.screen());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    menu.expect("Quit");
}
