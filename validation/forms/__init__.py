"""What people write on the pages of this room, and what is refused of it."""

from validation.forms.fields import FieldForm, FieldFormSet
from validation.forms.models import DataModelForm
from validation.forms.rules import RuleForm, RuleFormSet

__all__ = ["DataModelForm", "FieldForm", "FieldFormSet", "RuleForm", "RuleFormSet"]
