//! `encode-whole CORPUS`: writes the fuzz inputs that describe whole small images.

fn main() -> std::io::Result<()> {
    let corpus = std::env::args_os().nth(1).unwrap_or_default();
    let folder = std::path::Path::new(&corpus).join("image");
    std::fs::create_dir_all(&folder)?;
    for (name, bytes) in calco_fuzz::whole::seeds() {
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
