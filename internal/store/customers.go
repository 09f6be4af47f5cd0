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

// HasEmail selects the customers with an e-mail, regardless of case. There can be
// several: Stripe allows that.
func HasEmail(email string) predicate.Customer {
	return func(s *sql.Selector) {
		s.Where(sql.P(func(b *sql.Builder) {
			b.WriteString("lower(").Ident(s.C(customer.FieldEmail)).WriteString(") = ").Arg(strings.ToLower(email))
		}))
	}
}

// HoldsEmail selects the live customer that has claimed an e-mail, regardless of
// case; there is at most one. It is answered from the unique index over claimed
// e-mails.
func HoldsEmail(email string) predicate.Customer {
	return customer.And(HasEmail(email), customer.EmailClaimed(true), customer.EmailNEQ(""))
}

// CheckEmailFree returns EMAIL_TAKEN when a live customer other than exceptID has
// claimed an e-mail. Every other error is the database's.
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
// exceptID has an external id. Every other error is the database's.
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

// ExternalIDTaken builds the error EXTERNAL_ID_TAKEN, which names the customer with
// the external id.
func ExternalIDTaken(holder string) *billing.Error {
	return billing.Errorf(billing.CodeExternalIDTaken, "Another customer has this external id.").About(holder).At("externalId")
}

// EmailTaken builds the error EMAIL_TAKEN, which names the customer with the
// e-mail.
func EmailTaken(email, holder string) *billing.Error {
	return billing.Errorf(billing.CodeEmailTaken, "A customer with the e-mail %s exists already.", email).
		About(holder).At("email")
}
