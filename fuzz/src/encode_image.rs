//! `encode-image IMAGE CORPUS NAME`: writes the fuzz inputs that describe the header, the
//! manifest and the indexes of an image.

use calco_fuzz::image::{encode_index, envelope_body};
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [image, corpus, name] = arguments.as_slice() else {
        return Err("usage: encode-image IMAGE CORPUS NAME".into());
    };
    for kind in ["header", "manifest"] {
        let file = std::fs::read(image.join(kind).with_extension("json"))?;
        let body = envelope_body(&file).ok_or("not an envelope")?;
        std::fs::write(corpus.join(kind).join(name), body)?;
    }
    let mut number = 0;
    for entry in std::fs::read_dir(image)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "index") {
            let input = encode_index(&std::fs::read(&path)?, 1 << 30).ok_or("not an index")?;
            let mut file = name.clone().into_os_string();
            file.push(format!("-{number}"));
            std::fs::write(corpus.join("index").join(file), input)?;
            number += 1;
        }
    }
    Ok(())
}
