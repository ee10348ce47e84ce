//! Little-endian integers at fixed offsets of a fixed record: with constant offsets no bounds check is left at run time.
//! (`copy_from_slice` compiles to a call for each field here, `first_chunk` to a load.)

#[inline(always)]
fn array<const N: usize, const R: usize>(record: &[u8; R], at: usize) -> [u8; N] {
    match record[at..].first_chunk() {
        Some(bytes) => *bytes,
        None => unreachable!("{N} bytes at {at} are not within a record of {R}"),
    }
}

#[inline(always)]
pub(crate) fn u16_at<const R: usize>(record: &[u8; R], at: usize) -> u16 {
    u16::from_le_bytes(array(record, at))
}

#[inline(always)]
pub(crate) fn u32_at<const R: usize>(record: &[u8; R], at: usize) -> u32 {
    u32::from_le_bytes(array(record, at))
}

#[inline(always)]
pub(crate) fn u64_at<const R: usize>(record: &[u8; R], at: usize) -> u64 {
    u64::from_le_bytes(array(record, at))
}

/// An id: sixteen bytes in text order, the one thing on the wire that is not little-endian.
#[inline(always)]
pub(crate) fn id_at<const R: usize>(record: &[u8; R], at: usize) -> u128 {
    u128::from_be_bytes(array(record, at))
}

#[inline(always)]
pub(crate) fn put<const N: usize, const R: usize>(record: &mut [u8; R], at: usize, bytes: [u8; N]) {
    match record[at..].first_chunk_mut() {
        Some(place) => *place = bytes,
        None => unreachable!("{N} bytes at {at} are not within a record of {R}"),
    }
}
