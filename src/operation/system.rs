//! placeholder until merged
use crate::block::BlockSource;
use crate::filesystem::Volume;
use crate::image::System;
/// x
pub fn identify(_: &dyn BlockSource, _: &Volume) -> Option<System> {
    None
}
