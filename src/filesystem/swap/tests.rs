use super::*;
use crate::block::BlockTarget;
use crate::block::memory::MemoryDisk;
use crate::filesystem::testing::Image;
use proptest::prelude::*;

const BUDGET: Budget = Budget { extents: 16 };
const SIZE: u64 = 16 << 20;

fn doubt(source: &dyn BlockSource) -> Option<String> {
    used(source, BUDGET).err().map(|doubt| doubt.id().to_owned())
}

#[test]
fn the_header_page_alone_keeps_the_identity() {
    for page_size in header::PAGE_SIZES {
        let image = Image::made_by(SIZE, &format!("mkswap -p {page_size} -L schön"));
        let volume = detect(&image).unwrap().unwrap();
        assert_eq!(volume.kind, VolumeKind::Swap);
        assert_eq!(volume.label.as_deref(), Some("schön"));
        assert_eq!(volume.uuid, image.blkid("UUID"));
        assert_eq!(volume.block_size, Some(page_size));
        assert_eq!(volume.length, Some(SIZE));
        let used = used(&image, BUDGET).unwrap();
        assert_eq!(used.extents, ExtentMap::whole(Extent::new(0, page_size)));
        assert_eq!(used.signatures, [Extent::new(0, page_size)]);

        let restored = image.restored(&used);
        assert_eq!(restored.blkid("TYPE").as_deref(), Some("swap"));
        assert_eq!(restored.blkid("UUID"), volume.uuid);
        assert_eq!(restored.run("swaplabel {}"), image.run("swaplabel {}"));
    }
}

#[test]
fn an_area_made_anew_for_another_page_size_is_known_by_both() {
    let image = Image::made_by(SIZE, "mkswap -p 65536");
    let large = image.read_vec(65526, 10).unwrap();
    image.run("mkswap -p 4096");
    image.write(65526, &large);
    assert_eq!(used(&image, BUDGET).unwrap().extents, ExtentMap::whole(Extent::new(0, 65536)));
    assert_eq!(detect(&image).unwrap().unwrap().block_size, Some(4096));
}

#[test]
fn hibernated_systems_are_doubts() {
    for page_size in header::PAGE_SIZES {
        for signature in [&b"S1SUSPEND\0"[..], b"S2SUSPEND\0", b"ULSUSPEND\0", b"LINHIB0001"] {
            let image = Image::made_by(SIZE, &format!("mkswap -p {page_size}"));
            image.write(page_size - 10, signature);
            assert_eq!(detect(&image).unwrap().unwrap().kind, VolumeKind::Swap);
            assert_eq!(image.blkid("TYPE").as_deref(), Some("swsuspend"));
            assert_eq!(doubt(&image).as_deref(), Some("swap-hibernated"));
        }
    }
    let image = Image::made_by(SIZE, "mkswap");
    assert_eq!(doubt(&image), None);
    image.write(0, &header::TUX_ON_ICE);
    assert_eq!(doubt(&image).as_deref(), Some("swap-hibernated"));
}

#[test]
fn headers_that_make_no_sense_are_doubts() {
    let image = Image::made_by(SIZE, "mkswap");
    let change = |offset: u64, bytes: &[u8], expected: &str| {
        let before = image.read_vec(offset, bytes.len()).unwrap();
        image.write(offset, bytes);
        assert_eq!(doubt(&image).as_deref(), Some(expected));
        assert_eq!(detect(&image).unwrap().unwrap().kind, VolumeKind::Swap);
        image.write(offset, &before);
        assert_eq!(doubt(&image), None);
    };
    let pages = (SIZE / 4096) as u32;
    change(1028, &pages.to_le_bytes(), "swap-header");
    change(1028, &0u32.to_le_bytes(), "swap-header");
    change(1028, &u32::MAX.to_le_bytes(), "swap-header");
    change(1024, &2u32.to_le_bytes(), "swap-header");
    change(1032, &638u32.to_le_bytes(), "swap-header");
    change(4086, b"SWAP-SPACE", "swap-version-0");
    image.write(1032, &637u32.to_le_bytes());
    assert_eq!(doubt(&image), None);
}

#[test]
fn areas_of_machines_with_the_other_byte_order_are_read() {
    let image = Image::made_by(SIZE, "mkswap -L big");
    let uuid = detect(&image).unwrap().unwrap().uuid;
    for offset in [1024, 1028, 1032] {
        let mut number = image.read_vec(offset, 4).unwrap();
        number.reverse();
        image.write(offset, &number);
    }
    assert_eq!(doubt(&image), None);
    let volume = detect(&image).unwrap().unwrap();
    assert_eq!((volume.length, volume.uuid), (Some(SIZE), uuid));
    assert_eq!(volume.label.as_deref(), Some("big"));
}

proptest! {
    #[test]
    fn arbitrary_headers_are_survived(
        header in proptest::collection::vec(any::<u8>(), 64),
        signature in prop_oneof![Just(*b"SWAPSPACE2"), Just(*b"SWAP-SPACE"), Just(*b"S1SUSPEND\0"), any::<[u8; 10]>()],
        page_size in 0usize..5,
        length in 0usize..200_000,
    ) {
        let disk = MemoryDisk::new(vec![0; length]);
        _ = disk.write_at(1024, &header);
        _ = disk.write_at(header::PAGE_SIZES[page_size] - 10, &signature);
        _ = detect(&disk).unwrap();
        if let Ok(used) = used(&disk, BUDGET) {
            prop_assert!(used.extents.end() <= disk.size());
        }
    }
}
