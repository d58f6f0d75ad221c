//! Reading from a rendition that may not be finished, and waiting for it, asleep or to be woken.

use std::sync::{MutexGuard, PoisonError};
use std::task::{Context, Poll};

use super::{Finished, Job, Phase, State, Waiting, index};
use crate::engine::lock::lock;
use crate::error::{Error, Result, Stage};
use crate::read_at::ReadAt as _;
use crate::size::Size;
use crate::store::{Object, PartialReader};

/// What a reader gets.
pub(super) enum Answer<T> {
    Now(T),
    /// Nothing, before this segment, or the whole, has got further.
    Wait(Option<u64>),
}

/// Where bytes are read from.
enum Bytes {
    Object(Object),
    /// So many in what is being written.
    Partial(PartialReader, u64),
    End,
}

impl Job {
    /// Copies bytes that are there, and waits where there are none. `waits` is told of which segment
    /// (`None`: of all) before the waiting begins.
    pub(in crate::engine) fn read(
        &self,
        reader: u64,
        buf: &mut [u8],
        offset: u64,
        waits: impl FnOnce(Option<u64>),
    ) -> Result<usize> {
        let bytes = self.wait_for(reader, |state| self.find(state, offset, buf.len()), waits)?;
        self.copy(bytes, buf, offset)
    }

    /// As [`read`](Self::read), without blocking: the task is woken when it is worth asking again.
    pub(in crate::engine) fn poll_read(
        &self,
        reader: u64,
        context: &Context,
        buf: &mut [u8],
        offset: u64,
        waits: impl FnOnce(Option<u64>),
    ) -> Poll<Result<usize>> {
        self.poll_for(reader, context, |state| self.find(state, offset, buf.len()), waits)
            .map(|bytes| self.copy(bytes?, buf, offset))
    }

    /// Waits for the end.
    pub(in crate::engine) fn wait(&self, reader: u64) -> Result<Finished> {
        self.wait_for(reader, finished, |_| ())
    }

    /// As [`wait`](Self::wait), without blocking.
    pub(in crate::engine) fn poll_wait(&self, reader: u64, context: &Context) -> Poll<Result<Finished>> {
        self.poll_for(reader, context, finished, |_| ())
    }

    /// `reader` waits no more.
    pub(in crate::engine) fn forget(&self, reader: u64) {
        lock(&self.state).waiting.remove(&reader);
    }

    pub(super) fn wait_for<T>(
        &self,
        reader: u64,
        ask: impl Fn(&mut State) -> Result<Answer<T>>,
        waits: impl FnOnce(Option<u64>),
    ) -> Result<T> {
        let mut waits = Some(waits);
        let mut state = lock(&self.state);
        loop {
            let was_chosen = state.is_chosen();
            let answer = ask(&mut state);
            let Ok(Answer::Wait(segment)) = answer else {
                self.answered(state, reader, was_chosen);
                return match answer? {
                    Answer::Now(now) => Ok(now),
                    Answer::Wait(_) => Err(self.cancelled()),
                };
            };
            state.waiting.insert(reader, Waiting { segment, waker: None });
            // Telling takes another lock, so the state may be another afterwards.
            if let Some(waits) = waits.take() {
                drop(state);
                waits(segment);
                state = lock(&self.state);
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    pub(super) fn poll_for<T>(
        &self,
        reader: u64,
        context: &Context,
        ask: impl Fn(&mut State) -> Result<Answer<T>>,
        waits: impl FnOnce(Option<u64>),
    ) -> Poll<Result<T>> {
        let mut state = lock(&self.state);
        let was_chosen = state.is_chosen();
        match ask(&mut state) {
            Ok(Answer::Now(now)) => {
                self.answered(state, reader, was_chosen);
                Poll::Ready(Ok(now))
            }
            Err(error) => {
                self.answered(state, reader, was_chosen);
                Poll::Ready(Err(error))
            }
            Ok(Answer::Wait(segment)) => {
                let waker = Some(context.waker().clone());
                state.waiting.insert(reader, Waiting { segment, waker });
                drop(state);
                waits(segment);
                Poll::Pending
            }
        }
    }

    /// `reader` has its answer. Others may have waited for the choice that this was.
    fn answered(&self, mut state: MutexGuard<State>, reader: u64, was_chosen: bool) {
        state.waiting.remove(&reader);
        if !was_chosen && state.is_chosen() {
            self.wake(state, None);
        }
    }

    /// Where to find up to `len` bytes from `offset` on.
    fn find(&self, state: &mut State, offset: u64, len: usize) -> Result<Answer<Bytes>> {
        match &state.phase {
            Phase::Done(Finished::Object(object, _)) => {
                return Ok(Answer::Now(Bytes::Object(object.clone())));
            }
            Phase::Done(Finished::Exported(_)) => return Ok(Answer::Now(Bytes::End)),
            Phase::Failed(error) => return Err(error.clone()),
            Phase::Pressing | Phase::Publishing => {}
        }
        if let Some(older) = state.older() {
            return Ok(Answer::Now(Bytes::Object(older.clone())));
        }
        let Size::Exact(size) = self.plan.size() else { return Ok(Answer::Wait(None)) };
        if len == 0 {
            return Ok(Answer::Now(Bytes::End));
        }
        let Some(mut number) = self.plan.segment_at(offset) else {
            // Where it ends is something seen of it.
            state.see();
            return Ok(Answer::Now(Bytes::End));
        };
        let Some(reader) = &state.reader else { return Ok(Answer::Wait(Some(number))) };
        let wanted = offset.saturating_add(len as u64).min(size);
        let mut end = if offset < self.plan.info_bytes() { self.plan.info_bytes() } else { offset };
        while end < wanted
            && let Some(bytes) = self.plan.segment_bytes(number)
        {
            let segment = state.segments[index(number)];
            end = end.max(bytes.start + segment.ready);
            if !segment.done {
                break;
            }
            number += 1;
        }
        Ok(match end.min(wanted).checked_sub(offset) {
            Some(count @ 1..) => {
                let reader = reader.clone();
                state.see();
                Answer::Now(Bytes::Partial(reader, count))
            }
            _ => Answer::Wait(Some(number)),
        })
    }

    fn copy(&self, bytes: Bytes, buf: &mut [u8], offset: u64) -> Result<usize> {
        match bytes {
            Bytes::Object(object) => object.read_at(buf, offset),
            Bytes::End => Ok(0),
            Bytes::Partial(reader, count) => {
                let buf = &mut buf[..index(count)];
                match reader.read_at(buf, offset).map_err(Error::io(Stage::Read, self.name()))? {
                    0 => Err(Error::Corrupt { name: self.name(), detail: format!("no byte at {offset}") }),
                    read => Ok(read),
                }
            }
        }
    }
}

fn finished(state: &mut State) -> Result<Answer<Finished>> {
    match &state.phase {
        Phase::Done(finished) => Ok(Answer::Now(finished.clone())),
        Phase::Failed(error) => Err(error.clone()),
        Phase::Pressing | Phase::Publishing => Ok(Answer::Wait(None)),
    }
}
