//! `about.html`: the image explained to a person who finds it in ten years.
pub fn page() {}
