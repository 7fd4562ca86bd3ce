"""2,000 invented pairs of names, half of one person, half of two; made from a seed.

Each element is a common given name or a common surname as registers write it: in Latin letters in
several ways, and in its own script. A person is a given name, perhaps a second one, and a surname,
put together at random: no list of real persons is behind it. Two writings of one person differ in
script or spelling, and further by what clerks do: another order, capitals, accents left out, a
name left out or cut to its initial, words run together, a slip of the keyboard. Most pairs of two
persons are hard: brothers and sisters, a namesake with another surname, given names that differ in
a letter or sound alike.
"""

import unicodedata
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

Element = tuple[tuple[str, ...], str]
"""Latin spellings, and the writing in the own script (empty = it is Latin)."""


class Group(NamedTuple):
    """Names that go together."""

    given: Sequence[Element]
    surnames: Sequence[Element]


class Pair(NamedTuple):
    """Two names, whether they are of one person, and how the pair was made."""

    one: str
    other: str
    is_same: bool
    made_by: str


def _element(text: str) -> Element:
    latin, _, native = text.partition("|")
    return tuple(latin.strip().split(",")), native.strip()


def _elements(text: str) -> tuple[Element, ...]:
    return tuple(_element(line) for line in text.strip().splitlines())


ARABIC = Group(
    _elements(
        """
        Mohammed,Muhammad,Mohamed,Mohamad,Muhammed|محمد
        Ahmed,Ahmad,Ahmet|أحمد
        Ali,Aly|علي
        Hassan,Hasan,Hassane|حسن
        Hussein,Husayn,Hossein,Hussain,Houssein|حسين
        Fatima,Fatimah,Fatma|فاطمة
        Aisha,Aicha,Ayesha,Aïcha|عائشة
        Khaled,Khalid,Haled|خالد
        Youssef,Yusuf,Yousef,Youcef|يوسف
        Ibrahim,Ebrahim,Brahim|إبراهيم
        Mustafa,Moustapha,Mostafa|مصطفى
        Abdul Rahman,Abd al-Rahman,Abderrahmane,Abdurrahman|عبد الرحمن
        Abdullah,Abdallah,Abdulla|عبد الله
        Abdelaziz,Abdul Aziz,Abd al-Aziz|عبد العزيز
        Samira,Sameera|سميرة
        Layla,Leila,Laila|ليلى
        Nadia,Nadya|نادية
        Rashid,Rachid,Rasheed|رشيد
        Jamal,Djamal,Jamel|جمال
        Karim,Kareem|كريم
        Omar,Umar|عمر
        Zainab,Zeinab,Zaynab|زينب
        Tariq,Tarek,Tarik|طارق
        Salma,Selma|سلمى
        Nour Eddine,Noureddine,Nur ad-Din|نور الدين
        """
    ),
    _elements(
        """
        al-Khatib,El Khatib,Khatib|الخطيب
        Haddad,Hadad,al-Haddad|حداد
        Mansour,Mansur|منصور
        al-Sharif,Cherif,El Sherif,Sharif|الشريف
        Qasim,Kassem,Qassim,Kacem|قاسم
        Bouazizi,Buazizi|بوعزيزي
        al-Masri,El Masry,Masri|المصري
        Najjar,Najar,al-Najjar|النجار
        Shahin,Chahine,Shaheen|شاهين
        Zaghloul,Zaghlul|زغلول
        al-Tamimi,Tamimi|التميمي
        Ghanem,Ghanim|غانم
        Darwish,Darwich,Derwish|درويش
        Suleiman,Sulaiman,Soliman|سليمان
        Bashir,Bachir,Basheer|بشير
        Othman,Osman,Uthman|عثمان
        """
    ),
)
CYRILLIC = Group(
    _elements(
        """
        Aleksandr,Alexander,Alexandr|Александр
        Sergey,Sergei,Sergej|Сергей
        Yevgeny,Evgeny,Evgenii,Yevgeniy|Евгений
        Nikolai,Nikolay,Nikolaj|Николай
        Yulia,Julia,Iuliia,Yuliya|Юлия
        Ksenia,Xenia,Kseniya|Ксения
        Mikhail,Mihail,Michail|Михаил
        Dmitry,Dmitri,Dmitriy|Дмитрий
        Natalia,Nataliya,Natalya|Наталия
        Zhanna,Janna|Жанна
        Vasily,Vasili,Vassily|Василий
        Rustam,Roustam|Рустам
        Dilnoza,Dilnosa|Дилноза
        Timur,Timour|Тимур
        Gulnara,Goulnara|Гульнара
        Oksana,Oxana|Оксана
        Viktor,Victor|Виктор
        Tatiana,Tatyana|Татьяна
        Akhmed,Ahmed|Ахмед
        Fyodor,Fedor|Фёдор
        """
    ),
    _elements(
        """
        Ivanov,Ivanoff|Иванов
        Kuznetsov,Kuznetzov|Кузнецов
        Karimov,Karimoff|Каримов
        Abdurakhmanov,Abdurahmanov|Абдурахманов
        Shevchenko,Chevtchenko,Schewtschenko|Шевченко
        Tsvetkov,Tzvetkov|Цветков
        Zhukov,Joukov|Жуков
        Yakovlev,Iakovlev|Яковлев
        Khasanov,Hasanov|Хасанов
        Chernyshev,Tchernychev,Chernyshov|Чернышев
        Nazarbekov,Nasarbekov|Назарбеков
        Lukashchuk,Loukachtchouk|Лукащук
        Petrenko,Petrenco|Петренко
        Sokolov,Sokoloff|Соколов
        Grigoryan,Grigorian|Григорян
        Mamedov,Mammadov|Мамедов
        """
    ),
)
SPANISH = Group(
    _elements(
        "José\nMaría\nJuan\nÁngel\nSofía\nRaúl\nMónica\nAndrés\nInés\nHéctor\nLucía\nRamón\nBelén\n"
        "Joaquín\nRocío\nTomás\nConcepción\nNicolás\nVerónica\nGermán"
    ),
    _elements(
        "Hernández,Ernández\nGonzález,Gonzales\nRodríguez,Rodrigues\nPérez,Peres\nGutiérrez\n"
        "Muñoz,Munos\nCárdenas\nIbáñez\nQuiñones,Quinones\nZúñiga\nVelásquez,Velázquez\n"
        "Domínguez\nCastañeda\nEcheverría\nde la Cruz,Cruz\nMéndez,Mendes"
    ),
)
PORTUGUESE = Group(
    _elements(
        "João\nAntônio,António\nConceição\nLuís,Luiz\nTeresa,Tereza\nJosé\nMárcia\nSebastião\nInês\n"
        "Vinícius\nThiago,Tiago\nRaimundo\nFlávia\nMateus,Matheus\nCauã\nEstêvão"
    ),
    _elements(
        "da Silva,Silva\ndos Santos,Santos\nMagalhães\nGonçalves\nAraújo\nGuimarães\nNascimento\n"
        "Carvalho\nSimões\nde Souza,Sousa\nFigueiredo\nMontenegro\nAssunção\nQueirós,Queiroz"
    ),
)
FRENCH = Group(
    _elements(
        "François\nThérèse\nJean-Pierre,Jean Pierre\nAndré\nBénédicte\nMamadou,Mamadu\n"
        "Aminata\nOusmane,Usmane\nCéleste\nMoussa,Musa\nHélène\nIbrahima\nFatoumata,Fatumata\n"
        "Geneviève\nChéikh,Cheikh\nDésiré"
    ),
    _elements(
        "Diallo,Djallo\nTraoré\nOuédraogo,Ouedraogo\nN'Diaye,Ndiaye\nLefèvre,Lefebvre\nBâ-Koné\n"
        "Kouyaté,Kuyate\nSangaré\nBeauséjour\nDupré\nCoulibaly,Kulibali\nMbarga\nÉtoundi\nKaboré"
    ),
)
TURKISH = Group(
    _elements(
        "Ayşe,Ayshe\nMehmet\nÇiğdem,Cigdem\nOğuz\nŞükrü,Shukru\nGülşen,Gulshen\nIşıl\nİbrahim\n"
        "Özgür,Ozgur\nÜlkü\nZeynep\nYiğit\nBülent\nHüseyin\nTuğba\nEmine"
    ),
    _elements(
        "Yılmaz\nÇelik,Chelik\nErdoğan\nŞahin,Shahin\nÖztürk,Ozturk\nKılıç\nGündoğdu\nAydın\n"
        "Karabağ\nYıldırım\nTaşkın\nGüneş\nDemirtaş\nUçar"
    ),
)
OTHERS = Group(
    _elements(
        """
        Giorgi,Georgi|გიორგი
        Nino|ნინო
        Tamar|თამარ
        Levan|ლევან
        Mariam|მარიამ
        Irakli|ირაკლი
        """
    ),
    _elements(
        """
        Beridze|ბერიძე
        Kapanadze|კაპანაძე
        Gelashvili|გელაშვილი
        Lomidze|ლომიძე
        Tsiklauri|წიკლაური
        """
    ),
)
GREEK = Group(
    _elements(
        """
        Georgios,Yorgos|Γεώργιος
        Eleni|Ελένη
        Konstantinos|Κωνσταντίνος
        Dimitris,Dimitrios|Δημήτρης
        Katerina|Κατερίνα
        """
    ),
    _elements(
        """
        Papadopoulos|Παπαδόπουλος
        Nikolaidis|Νικολαΐδης
        Georgiou|Γεωργίου
        Makris|Μακρής
        """
    ),
)
GROUPS = (ARABIC, CYRILLIC, SPANISH, PORTUGUESE, FRENCH, TURKISH, OTHERS, GREEK)
_WEIGHTS = (7, 6, 4, 3, 3, 3, 1, 1)
_KEYS = "qwertyuiopasdfghjklzxcvbnm"


class _Person(NamedTuple):
    given: Element
    second: Element | None
    surname: Element


def name_pairs(seed: int, count: int) -> list[Pair]:
    """So many pairs, half of them of one person."""
    rng = Random(seed)
    return [_same(rng) if number % 2 else _different(rng) for number in range(count)]


def _person(rng: Random, group: Group) -> _Person:
    given = rng.choice(group.given)
    second = rng.choice(group.given) if rng.random() < 0.25 else None
    return _Person(given, None if second == given else second, rng.choice(group.surnames))


def _written(rng: Random, element: Element, *, is_native: bool) -> str:
    return element[1] if is_native and element[1] else rng.choice(element[0])


def _words(rng: Random, person: _Person, *, is_native: bool) -> list[str]:
    parts = (person.given, person.second, person.surname)
    return [_written(rng, each, is_native=is_native) for each in parts if each is not None]


def _same(rng: Random) -> Pair:
    group = rng.choices(GROUPS, _WEIGHTS)[0]
    person = _person(rng, group)
    has_script = bool(person.given[1])
    one = _words(rng, person, is_native=False)
    is_native = has_script and rng.random() < 0.5
    other = _words(rng, person, is_native=is_native)
    how = ["script" if is_native else "spelling"]
    changes = rng.sample(tuple(_CHANGES), rng.choice((0, 1, 1, 2)))
    for change in sorted(changes):
        other = _CHANGES[change](rng, other)
        how.append(change)
    return Pair(" ".join(one), " ".join(other), is_same=True, made_by=" + ".join(how))


def _different(rng: Random) -> Pair:
    group = rng.choices(GROUPS, _WEIGHTS)[0]
    person = _person(rng, group)
    kind = rng.choice(("sibling", "sibling", "namesake", "near", "stranger"))
    if kind == "sibling":
        other = person._replace(given=_another(rng, group.given, person.given, person.second))
    elif kind == "namesake":
        other = person._replace(surname=_another(rng, group.surnames, person.surname))
    elif kind == "near":
        one, two = rng.choice(NEAR)
        surname = rng.choice(group.surnames)[0][0]
        return Pair(f"{one} {surname}", f"{two} {surname}", is_same=False, made_by="near")
    else:
        other = _person(rng, rng.choices(GROUPS, _WEIGHTS)[0])
        while other.given == person.given or other.surname == person.surname:
            other = _person(rng, group)
    is_native = bool(other.given[1]) and rng.random() < 0.4
    first = _words(rng, person, is_native=False)
    second = _words(rng, other, is_native=is_native)
    if rng.random() < 0.4:
        second = _CHANGES[rng.choice(("order", "accents", "capitals"))](rng, second)
    return Pair(" ".join(first), " ".join(second), is_same=False, made_by=kind)


def _another(rng: Random, elements: Sequence[Element], *unwanted: Element | None) -> Element:
    return rng.choice([each for each in elements if each not in unwanted])


NEAR = (
    ("Hassan", "Hussein"),
    ("María", "Marta"),
    ("Mario", "María"),
    ("Karim", "Karima"),
    ("Juan", "Julián"),
    ("Ana", "Elena"),
    ("Amina", "Emine"),
    ("Salim", "Salma"),
    ("Natalia", "Tatiana"),
    ("Sergio", "Serafín"),
    ("Omar", "Amir"),
    ("Carlos", "Carla"),
    ("Dilshod", "Dilnoza"),
    ("Jamila", "Jamal"),
    ("Daniel", "Daniela"),
    ("Ibrahim", "Abraha"),
    ("Nadir", "Nadira"),
    ("Said", "Saida"),
    ("Luis", "Luisa"),
    ("Rashid", "Rashida"),
)
"""Pairs of given names that a careless matcher takes for one."""


def _order(rng: Random, words: list[str]) -> list[str]:
    if rng.random() < 0.5:
        return [words[-1].upper(), *words[:-1]]
    return [f"{words[-1]},", *words[:-1]]


def _accents(rng: Random, words: list[str]) -> list[str]:
    return [_plain(word) for word in words]


def _plain(word: str) -> str:
    if not word.isascii() and any(ord(each) > 0x24F for each in word):
        return word  # another script has no accents to lose
    decomposed = unicodedata.normalize("NFD", word.replace("ı", "i"))
    return "".join(each for each in decomposed if not unicodedata.combining(each))


def _capitals(rng: Random, words: list[str]) -> list[str]:
    return [word.upper() for word in words]


def _left_out(rng: Random, words: list[str]) -> list[str]:
    return [words[0], words[-1]] if len(words) > 2 else words


def _initial(rng: Random, words: list[str]) -> list[str]:
    if len(words) <= 2:
        return words
    return [words[0], f"{words[1][0]}.", *words[2:]]


def _slip(rng: Random, words: list[str]) -> list[str]:
    long = [at for at, word in enumerate(words) if len(word) >= 6]
    if not long:
        return words
    at = rng.choice(long)
    word = words[at]
    spot = rng.randrange(1, len(word) - 1)
    changed = rng.choice(
        (
            word[:spot] + word[spot + 1] + word[spot] + word[spot + 2 :],
            word[:spot] + word[spot + 1 :],
            word[:spot] + word[spot] + word[spot:],
            word[:spot] + rng.choice(_KEYS) + word[spot + 1 :]
            if word.isascii()
            else word[:spot] + word[spot + 1 :],
        )
    )
    return [*words[:at], changed, *words[at + 1 :]]


_CHANGES = {
    "accents": _accents,
    "capitals": _capitals,
    "initial": _initial,
    "left out": _left_out,
    "order": _order,
    "slip": _slip,
}
