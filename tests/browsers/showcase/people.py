"""Invented people, with names in several scripts, and the reasons for which their verifications end."""

from domain.identity import DocumentType

PEOPLE = (
    ("Amadou", "Diallo"),
    ("Юлия", "Коваленко"),
    ("Marc", "Lefebvre"),
    ("Chiara", "Bianchi"),
    ("Lukas", "Brandt"),
    ("Ελένη", "Παπαδοπούλου"),
    ("Tomás", "Ferreira"),
    ("Yasmine", "Haddad"),
    ("Nguyễn Thị", "Lan"),
    ("Sofia", "Lindqvist"),
    ("Hanna", "Weiß"),
    ("محمد", "الهاشمي"),
    ("Piotr", "Zieliński"),
    ("Þóra", "Jónsdóttir"),
    ("ნინო", "ბერიძე"),
    ("Inès", "Garnier"),
    ("Noor", "de Vries"),
    ("Արամ", "Սարգսյան"),
    ("Oluwaseun", "Adébáyọ̀"),
    ("María de los Ángeles", "Fernández-Castellanos y Rodríguez"),
)
DOCUMENTS = (
    (DocumentType.PASSPORT, "FR"),
    (DocumentType.ID_CARD, "FR"),
    (DocumentType.ID_CARD, "DE"),
    (DocumentType.PASSPORT, "SN"),
    (DocumentType.RESIDENCE_PERMIT, "FR"),
    (DocumentType.ID_CARD, "IT"),
)

# How often each reason code occurs, relative to the others.
REASONS_OF_FAILED = {"IDVV_1302": 12, "IDVV_2101": 9, "IDVV_1301": 8, "IDVV_2201": 5, "IDVV_1402": 4, "IDVV_2102": 3, "IDVV_2304": 3, "IDVV_2401": 2}
REASONS_OF_INCONCLUSIVE = {"IDVV_1121": 11, "IDVV_1113": 6, "IDVV_1111": 5, "IDVV_1112": 4, "IDVV_1201": 3, "IDVV_1314": 2, "IDVV_3001": 1}
