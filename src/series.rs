//! Functions by series, for tables: these must not depend on a platform's `cos`.

/// Of the circle.
pub(crate) const PI: f64 = core::f64::consts::PI;

/// The cosine of `x` radians, -2 pi to 2 pi, by its power series: right to 1e-13.
pub(crate) const fn cos(x: f64) -> f64 {
    let (mut sum, mut term, mut n) = (1.0, 1.0, 0.0);
    while n < 50.0 {
        term *= -x * x / ((n + 1.0) * (n + 2.0));
        sum += term;
        n += 2.0;
    }
    sum
}

/// The sine of `x` radians, 0 to 2 pi.
pub(crate) const fn sin(x: f64) -> f64 {
    cos(x - PI / 2.0)
}

/// The square root of `x`, 0.01 to 100, by Newton's method.
pub(crate) const fn sqrt(x: f64) -> f64 {
    let (mut root, mut n) = (1.0, 0);
    while n < 40 {
        root = 0.5 * (root + x / root);
        n += 1;
    }
    root
}

/// e to the power of `x`, -700 to 700: right to 1e-13 of the result.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // of at most a thousand twos
pub(crate) fn exp(x: f64) -> f64 {
    let twos = (x * core::f64::consts::LOG2_E).round();
    let rest = x - twos * core::f64::consts::LN_2;
    let (mut sum, mut term) = (1.0, 1.0);
    for n in 1..25 {
        term *= rest / f64::from(n);
        sum += term;
    }
    let (factor, times) = if twos < 0.0 { (0.5, -twos) } else { (2.0, twos) };
    (0..times as u32).fold(sum, |product, _| product * factor)
}

/// The natural logarithm of `x`, 1e-30 to 1e30: right to 1e-13.
pub(crate) fn ln(x: f64) -> f64 {
    let (mut mantissa, mut twos) = (x, 0.0);
    while mantissa > 1.5 {
        (mantissa, twos) = (mantissa * 0.5, twos + 1.0);
    }
    while mantissa < 0.75 {
        (mantissa, twos) = (mantissa * 2.0, twos - 1.0);
    }
    // ln x = 2 artanh((x - 1) / (x + 1))
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let (mut sum, mut power) = (0.0, ratio);
    for n in 0..20 {
        sum += power / f64::from(2 * n + 1);
        power *= ratio * ratio;
    }
    2.0 * sum + twos * core::f64::consts::LN_2
}

/// A power ratio of so many decibels.
pub(crate) fn decibels(x: f64) -> f64 {
    exp(x * (core::f64::consts::LN_10 / 10.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_platform() {
        for n in 0..=1000i32 {
            let x = 2.0 * PI * f64::from(n) / 1000.0;
            assert!((cos(x) - x.cos()).abs() < 1e-13, "cos {x}");
            assert!((cos(-x) - x.cos()).abs() < 1e-13, "cos -{x}");
            assert!((sin(x) - x.sin()).abs() < 1e-12, "sin {x}");
            let x = 0.01 + f64::from(n) / 10.0;
            assert!((sqrt(x) / x.sqrt() - 1.0).abs() < 1e-15, "sqrt {x}");
            let x = f64::from(n - 500) * 0.1;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-13, "exp {x}");
            assert!((ln(x.exp()) - x).abs() < 1e-12, "ln of exp {x}");
        }
    }
}
