package store

import (
	"context"
	"strings"

	"entgo.io/ent/dialect/sql"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/ent/predicate"
	"tallystick/internal/billing"
)

// HasEmail selects the customers with an e-mail, whatever its case. In Stripe
// several can have the same one.
func HasEmail(email string) predicate.Customer {
	return func(s *sql.Selector) {
		s.Where(sql.P(func(b *sql.Builder) {
			b.WriteString("lower(").Ident(s.C(customer.FieldEmail)).WriteString(") = ").Arg(strings.ToLower(email))
		}))
	}
}

// HoldsEmail selects the one live customer that holds an e-mail, whatever its
// case. It is answered from the index that keeps e-mails unique.
func HoldsEmail(email string) predicate.Customer {
	return customer.And(HasEmail(email), customer.EmailClaimed(true), customer.EmailNEQ(""))
}

// CheckEmailFree returns EMAIL_TAKEN when a live customer other than the one
// named has an e-mail.
func CheckEmailFree(ctx context.Context, tx *Tx, email, exceptID string) error {
	holder, err := tx.Customer.Query().
		Where(HoldsEmail(email), customer.IDNEQ(exceptID), customer.DeletedAtIsNil()).FirstID(ctx)
	switch {
	case ent.IsNotFound(err):
		return nil
	case err != nil:
		return err
	}
	return EmailTaken(email, holder)
}

// CheckExternalIDFree returns EXTERNAL_ID_TAKEN when a live customer other than
// the one named has an external id.
func CheckExternalIDFree(ctx context.Context, tx *Tx, id, exceptID string) error {
	holder, err := tx.Customer.Query().
		Where(customer.ExternalID(id), customer.IDNEQ(exceptID), customer.DeletedAtIsNil()).FirstID(ctx)
	switch {
	case ent.IsNotFound(err):
		return nil
	case err != nil:
		return err
	}
	return ExternalIDTaken(holder)
}

// ExternalIDTaken is the refusal of an external id that a live customer has.
func ExternalIDTaken(holder string) *billing.Error {
	return billing.Errorf(billing.CodeExternalIDTaken, "Another customer has this external id.").About(holder).At("externalId")
}

// EmailTaken is the refusal of an e-mail that a live customer has.
func EmailTaken(email, holder string) *billing.Error {
	return billing.Errorf(billing.CodeEmailTaken, "A customer with the e-mail %s exists already.", email).
		About(holder).At("email")
}
