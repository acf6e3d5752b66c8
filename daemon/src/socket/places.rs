//! How many conversations there may be at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// All together.
pub(super) const TOTAL: usize = 1024;
/// All of users other than root, so that they cannot keep everybody out.
pub(super) const OTHERS: usize = 512;
/// Of one user other than root.
pub(super) const PER_USER: usize = 16;

/// The places there are.
#[derive(Default, Clone)]
pub(super) struct Places {
    taken: Arc<Mutex<HashMap<u32, usize>>>,
}

/// A place that is taken until this is dropped.
pub(super) struct Place {
    taken: Arc<Mutex<HashMap<u32, usize>>>,
    uid: u32,
}

impl Places {
    /// Takes a place for a user, if there is one left.
    pub fn take(&self, uid: u32) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = taken.values().sum();
        let own = taken.get(&uid).copied().unwrap_or(0);
        let others = total - taken.get(&0).copied().unwrap_or(0);
        if total >= TOTAL || (uid != 0 && (own >= PER_USER || others >= OTHERS)) {
            return None;
        }
        taken.insert(uid, own + 1);
        Some(Place { taken: Arc::clone(&self.taken), uid })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.uid) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                taken.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_gets_so_many_and_no_more_until_one_is_given_back() {
        let places = Places::default();
        let mut taken: Vec<_> = (0..PER_USER).filter_map(|_| places.take(3000)).collect();
        assert_eq!(taken.len(), PER_USER);
        assert!(places.take(3000).is_none());
        assert!(places.take(3001).is_some());
        taken.pop();
        assert!(places.take(3000).is_some());
    }

    #[test]
    fn all_other_users_together_leave_room_for_root() {
        let places = Places::default();
        let others: Vec<_> = (0..10_000u32).filter_map(|n| places.take(3000 + n % 900)).collect();
        assert_eq!(others.len(), OTHERS);
        let root: Vec<_> = (0..10_000).filter_map(|_| places.take(0)).collect();
        assert_eq!(root.len(), TOTAL - OTHERS);
        drop((others, root));
        assert!(places.taken.lock().is_ok_and(|taken| taken.is_empty()));
    }
}
