//! What the words for images mean.

use crate::error::Result;
use crate::image::{Freshness, Image};
use crate::operation::destination::{self, Destination, DestinationAccess};
use crate::operation::library;

/// An image, to be looked at, and the destination that holds it: open for as long as both live.
pub(super) fn open_image(word: &str, freshness: Freshness) -> Result<(Destination, Image)> {
    let (destination, name) = destination::open_image(word, DestinationAccess::Look)?;
    super::warn(destination.warnings());
    let files = library::find(destination.store().as_ref(), &name);
    let image = files.and_then(|files| Image::open(files, freshness)).map(Image::held);
    match image {
        Ok(image) => Ok((destination, image)),
        Err(error) => Err(destination.explain(error)),
    }
}
