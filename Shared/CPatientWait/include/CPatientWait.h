// Nothing to call: see PatientWait.c.
#ifndef WINNOW_CPATIENTWAIT_H
#define WINNOW_CPATIENTWAIT_H
#endif
