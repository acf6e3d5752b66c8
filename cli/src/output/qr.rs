//! A QR code drawn with half blocks, for a phone's camera in front of a terminal.

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use zeroize::Zeroizing;

use super::width;

/// The code for a text, or `None` when it does not fit into so many columns. Light modules are
/// drawn, dark ones left out: right on a dark terminal, and read by cameras on a light one.
#[must_use]
pub fn qr_code(text: &str, columns: usize) -> Option<Zeroizing<String>> {
    let code = QrCode::new(text).ok()?;
    let drawn = Zeroizing::new(
        code.render::<Dense1x2>()
            .dark_color(Dense1x2::Light)
            .light_color(Dense1x2::Dark)
            .quiet_zone(true)
            .build(),
    );
    let fits = drawn.lines().all(|line| width(line) <= columns);
    fits.then_some(drawn)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_uri_fits_into_a_usual_terminal() {
        let uri = "otpauth://totp/host:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=host";
        let drawn = qr_code(uri, 80).unwrap();
        assert!(drawn.lines().count() > 15);
        assert!(drawn.chars().all(|c| " ▀▄█\n".contains(c)), "{}", *drawn);
        assert!(qr_code(uri, 20).is_none());
    }
}
