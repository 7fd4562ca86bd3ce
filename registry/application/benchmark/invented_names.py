"""Invented names for benchmarks: common given names and surnames, put together by a number."""

from typing import Final


def _words(*lines: str) -> tuple[str, ...]:
    return tuple(word for line in lines for word in line.split())


_GIVEN: Final = _words(
    "Mohammed Ahmed Ali Hassan Fatima Aisha Khaled Youssef Ibrahim Mustafa Samira Layla Rashid",
    "Aleksandr Sergey Nikolai Yulia Mikhail Dmitry Zhanna Rustam Timur Viktor Tatiana",
    "José María Juan Ángel Sofía Raúl Mónica Andrés Lucía João Conceição Luís Teresa Márcia",
    "François Thérèse Mamadou Aminata Ousmane Ayşe Mehmet Çiğdem Şükrü Gülşen Özgür Zeynep",
    "محمد أحمد فاطمة خالد يوسف Сергей Николай Юлия Михаил Тимур",
)
_STEMS: Final = _words(
    "Kar Had Mans Shar Khat Naj Dar Sul Bash Oth Ivan Kuzn Shev Zhuk Yak Khas Chern Naz Petr Sok",
    "Hern Gonz Rodr Guti Muñ Card Zuñ Vel Dom Cast Silv Sant Magal Araúj Carv Diall Traor Kouy",
    "Yilm Çel Erd Şah Özt Kil Ayd Güneş Berid Lomid Pap Nik",
)
_ENDINGS: Final = _words(
    "im ad our if ib ar ovic enko ov ian ez es oglu adze ides ani ine elli uk aev"
)


def person_name(number: int) -> str:
    """A person's name: thousands differ, and common given names come often."""
    return f"{_GIVEN[number % len(_GIVEN)]} {_surname(number // 3)}"


def organisation_name(number: int) -> str:
    """An organisation's name."""
    return f"{_surname(7 * number)} Centre for Rights {_surname(number)} (invented)"


def _surname(number: int) -> str:
    return _STEMS[number % len(_STEMS)] + _ENDINGS[number // len(_STEMS) % len(_ENDINGS)]
