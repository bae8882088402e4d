//! The names that a program gives its objects, for who looks from outside. A name is a block beside that
//! of the object, which holds it; an object without one has no such block.
//!
//! | offset | in a [`Kind::Name`] block        |
//! | ------ | -------------------------------- |
//! | 0      | the block whose name it is       |
//! | 4      | generation of that               |
//! | 8      | length of the name, in bytes     |
//! | 12     | the name, UTF-8                  |

use std::sync::atomic::Ordering::{Relaxed, Release};

use super::Member;
use crate::error::Result;
use crate::memory::arena::Offset;
use crate::memory::heap::{Block, BlockId, Kind};

pub(crate) const OWNER: Offset = 0;
pub(crate) const OWNER_GENERATION: Offset = 4;
pub(crate) const TEXT_LENGTH: Offset = 8;
pub(crate) const NAME_TEXT: Offset = 12;
/// Bytes of the longest name; what is behind them is cut off.
pub(crate) const NAME_BYTES: u64 = 255;

impl Member {
    /// Gives a block that this process holds its name. Fails if there is no room for it: then the object
    /// is one without a name.
    pub fn name_block(&self, id: BlockId, name: &str) -> Result<()> {
        self.require_held(id)?;
        let owner = Block::open(&self.arena, id)?;
        let bytes = &name.as_bytes()[..name.len().min(NAME_BYTES as usize)];
        let size = NAME_TEXT + bytes.len() as u64;
        let (block, _) = self.create_within(Kind::Name, size, id)?;
        let word = |at| self.arena.word32(block.offset + at);
        self.arena.write(block.offset + NAME_TEXT, bytes);
        word(OWNER_GENERATION).store(owner.generation, Relaxed);
        word(TEXT_LENGTH).store(bytes.len() as u32, Relaxed);
        // Release: who sees whose it is sees what it is.
        word(OWNER).store(id, Release);
        Ok(())
    }
}
