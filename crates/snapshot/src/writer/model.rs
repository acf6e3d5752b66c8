//! The publication protocol under every order that a weakly ordered machine may show.
