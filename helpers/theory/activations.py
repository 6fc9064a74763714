"""Activation functions and their slopes, with the parameters and the defaults that Keras has.

Everything takes any real input, infinities included, without a warning; NaN stays NaN.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit, ndtr

from helpers.arguments import Number, takes
from helpers.arguments.arrays import Array
from helpers.names import lookup

# The constants of Klambauer et al. 2017 (arXiv 1706.02515), eq. 14, to double precision.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
# Beyond this every curve here has reached its asymptote, also in float32; it keeps inf * 0 away.
FAR = 1e4


class Activation(NamedTuple):
    """An activation function.

    Attributes:
        name: what the course's functions and labs call it.
        title: what people call it, for figures and text.
        keras_name: what ``keras.activations.get`` calls it, with the same defaults (but PReLU is a
            layer in Keras, and starts from the slope 0: ``keras.layers.PReLU``).
        parameters: the parameters that it has, with their defaults.
        value, slope: functions of an array ``z`` and of the parameters, by name; float array of
            the shape of ``z``.
    """

    name: str
    title: str
    keras_name: str
    parameters: dict[str, float]
    value: Callable[..., np.ndarray]
    slope: Callable[..., np.ndarray]


def _floating(z) -> np.ndarray:
    z = np.asarray(z)
    return z if np.issubdtype(z.dtype, np.floating) else z.astype(np.float64)


def _clipped(z) -> np.ndarray:
    return np.clip(_floating(z), -FAR, FAR)


def _keep_nan(slopes: np.ndarray, z: np.ndarray) -> np.ndarray:
    np.copyto(slopes, z, where=np.isnan(z))
    return slopes


def _linear(z):
    return _floating(z)


def _linear_slope(z):
    z = _floating(z)
    return _keep_nan(np.ones_like(z), z)


def _logistic(z):
    return expit(_floating(z))


def _logistic_slope(z):
    z = _floating(z)
    return expit(z) * expit(-z)


def _tanh(z):
    return np.tanh(_floating(z))


def _tanh_slope(z):
    return 1 - np.tanh(_floating(z)) ** 2


def _leaky_relu(z, negative_slope):
    z = _floating(z)
    if negative_slope == 0:
        return np.maximum(z, 0)  # 0 * -inf would be NaN
    return np.where(z > 0, z, negative_slope * z).astype(z.dtype)


def _leaky_relu_slope(z, negative_slope):
    z = _floating(z)
    return _keep_nan(np.where(z > 0, 1, negative_slope).astype(z.dtype), z)


def _relu(z):
    return _leaky_relu(z, 0)


def _relu_slope(z):
    z = _floating(z)
    return _keep_nan(np.array(z > 0, dtype=z.dtype), z)  # a quarter of the time of np.where


def _elu(z, alpha):
    z = _floating(z)
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0))).astype(z.dtype)


def _elu_slope(z, alpha):
    z = _floating(z)
    return np.where(z > 0, 1, alpha * np.exp(np.minimum(z, 0))).astype(z.dtype)


def _selu(z, alpha, scale):
    return scale * _elu(z, alpha)


def _selu_slope(z, alpha, scale):
    z = _floating(z)
    return np.where(z >= 0, scale, scale * alpha * np.exp(np.minimum(z, 0))).astype(z.dtype)


def _gelu(z):
    z = np.maximum(_floating(z), -FAR)
    return z * ndtr(z)


def _gelu_slope(z):
    z = _clipped(z)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return (ndtr(z) + z * density).astype(z.dtype)


def _swish(z):
    z = np.maximum(_floating(z), -FAR)
    return z * expit(z)


def _swish_slope(z):
    z = _clipped(z)
    return expit(z) * (1 + z * expit(-z))


def _softplus(z):
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def _mish(z):
    z = np.maximum(_floating(z), -FAR)
    return z * np.tanh(_softplus(z))


def _mish_slope(z):
    z = _clipped(z)
    squashed = np.tanh(_softplus(z))
    return squashed + z * (1 - squashed**2) * expit(z)


_LEAKY = (_leaky_relu, _leaky_relu_slope)

#: Every activation of the course, by name. Sources: leaky ReLU Maas et al. 2013; PReLU He et al.
#: 2015, eq. 1; ELU Clevert et al. 2016, eq. 15; SELU Klambauer et al. 2017, eq. 2; GELU Hendrycks &
#: Gimpel 2016; Swish Ramachandran et al. 2017; Mish Misra 2019.
ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("linear", "linear", "linear", {}, _linear, _linear_slope),
        Activation("logistic", "logistic", "sigmoid", {}, _logistic, _logistic_slope),
        Activation("tanh", "tanh", "tanh", {}, _tanh, _tanh_slope),
        Activation("relu", "ReLU", "relu", {}, _relu, _relu_slope),
        Activation("leaky_relu", "leaky ReLU", "leaky_relu", {"negative_slope": 0.2}, *_LEAKY),
        # PReLU is a leaky ReLU that learns its slope; this is where He et al. let it start.
        Activation("prelu", "PReLU", "leaky_relu", {"negative_slope": 0.25}, *_LEAKY),
        Activation("elu", "ELU", "elu", {"alpha": 1.0}, _elu, _elu_slope),
        Activation(
            "selu",
            "SELU",
            "selu",
            {"alpha": SELU_ALPHA, "scale": SELU_SCALE},
            _selu,
            _selu_slope,
        ),
        Activation("gelu", "GELU", "gelu", {}, _gelu, _gelu_slope),
        Activation("swish", "Swish", "silu", {}, _swish, _swish_slope),
        Activation("mish", "Mish", "mish", {}, _mish, _mish_slope),
    )
}


def get_activation(name: str) -> Activation:
    """Return the named activation.

    Raises:
        ValueError: for an unknown name, with the nearest spelling and all known names.
    """
    return lookup(name, ACTIVATIONS, "activation")


@takes(z=Array())
def value(name: str, z, **parameters) -> np.ndarray:
    """Return the activation of ``z``, float, of its shape.

    Args:
        name: one of ``ACTIVATIONS``.
        z: pre-activations, any shape; float32 stays float32, whole numbers become float64.
        parameters: those that differ from the defaults.

    Raises:
        ValueError: for an unknown name or parameter, and for what is no number.

    >>> float(value("elu", 0.0)), round(float(value("elu", 1.0)), 3)
    (0.0, 1.0)
    """
    activation = get_activation(name)
    with np.errstate(all="ignore"):  # the largest floats, times a scale above 1, are infinite
        return activation.value(z, **_with_defaults(activation, parameters))


@takes(z=Array())
@np.errstate(all="ignore")
def slope(name: str, z, **parameters) -> np.ndarray:
    """Return the derivative of the activation at ``z``, float, of its shape.

    Where a curve has a kink, at 0, it is what ``keras.activations`` on TensorFlow propagates back:
    the slope from the left for ReLU, leaky ReLU, PReLU and ELU, the one from the right for SELU.

    Args and errors: as :func:`value`.

    >>> float(slope("relu", 0.0)), float(slope("selu", 0.0)) == SELU_SCALE
    (0.0, True)
    """
    activation = get_activation(name)
    return activation.slope(z, **_with_defaults(activation, parameters))


def _with_defaults(activation: Activation, parameters: dict) -> dict:
    for name, number in parameters.items():
        lookup(name, activation.parameters, f"parameter of {activation.title}")
        parameters[name] = Number().take(name, number, {})
    return {**activation.parameters, **parameters}
