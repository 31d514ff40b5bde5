//! A target that is not a device of this system.

use super::RestoreTarget;
use crate::block::{BlockSource, BlockTarget};
use crate::error::Result;
use crate::image::DiskIdentity;
use std::sync::Arc;

/// Anything that can be written, such as a disk in memory, as a target without a place in this
/// system: nothing else uses it, and it takes any sector size.
pub struct BareTarget<T>(pub Arc<T>);

impl<T: BlockTarget + 'static> RestoreTarget for BareTarget<T> {
    fn name(&self) -> String {
        self.0.name()
    }

    fn identity(&self) -> DiskIdentity {
        DiskIdentity { name: self.0.name(), ..DiskIdentity::default() }
    }

    fn sector_size(&self) -> Option<u32> {
        None
    }

    fn look(&self) -> Result<Arc<dyn BlockSource>> {
        Ok(self.0.clone())
    }

    fn open(&self) -> Result<Arc<dyn BlockTarget>> {
        Ok(self.0.clone())
    }
}
