//! `encode-disk FILE [SECTOR-SIZE]`: writes the fuzz input that describes a disk image.

use calco_fuzz::sparse_disk::SparseDisk;
use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("usage: encode-disk FILE [SECTOR-SIZE]")?;
    let sector_size = arguments.next().map_or(Ok(512), |text| text.parse())?;
    let input = SparseDisk::encode(&std::fs::read(file)?, sector_size);
    std::io::stdout().write_all(&input)?;
    Ok(())
}
