package stripesync

import "tallystick/internal/billing"

// definitions are all kinds of operations.
func (e *Engine) definitions() map[billing.OperationKind]definition {
	return map[billing.OperationKind]definition{
		billing.KindCreateProduct:           newProduct(),
		billing.KindUpdateProduct:           changeProduct(),
		billing.KindArchiveProduct:          changeProduct(),
		billing.KindAddProductPrice:         addPrice(),
		billing.KindArchivePrice:            archivePrice(),
		billing.KindUpdateProductPrice:      replacePrice(),
		billing.KindCreateCustomer:          newCustomerOperation(),
		billing.KindRestoreCustomer:         newCustomerOperation(),
		billing.KindUpdateCustomer:          changeCustomer(),
		billing.KindDeleteCustomer:          removeCustomer(),
		billing.KindCreateSubscription:      newSubscription(),
		billing.KindCancelSubscription:      cancelSubscription(),
		billing.KindResumeSubscription:      resumeSubscription(),
		billing.KindChangeSubscriptionPrice: changeSubscriptionPrice(),
		billing.KindRevokeSubscription:      revokeSubscription(),
		billing.KindPayInvoice:              payInvoice(),
		billing.KindLinkCustomer:            linkCustomer(),
		billing.KindVoidInvoice:             voidInvoice(),
	}
}
